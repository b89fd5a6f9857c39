// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/files/file_state.h"
#include "core/message/data.h"

namespace vfio_switch {

/// How a text file spells command lines.
enum class ParameterSyntax {
  grub_settings,        ///< boot/grub_settings.h
  boot_entry,           ///< boot/boot_entry.h
  command_line,         ///< boot/boot_entry.h
  sdboot_settings,      ///< LINUX_OPTIONS of sdboot-manage.conf: boot/shell_settings.h
  limine_settings,      ///< boot/limine_settings.h
  dracut_settings,      ///< kernel_cmdline of dracut.conf(5), for unified images: the same
  u_boot_settings,      ///< boot/u_boot_settings.h
  kernelstub_settings,  ///< boot/kernelstub_settings.h
  first_line,           ///< command_line of which the first line alone is read
};

/// A text file that decides about command lines.
struct ParameterFile {
  ParameterSyntax syntax = ParameterSyntax::command_line;
  std::string path;  ///< as seen inside the root
  FileState state;

  bool operator==(const ParameterFile&) const = default;
};

/// GRUB, whose grub.cfg is generated from settings.
struct Grub {
  std::vector<ParameterFile> settings;  ///< /etc/default/grub first, then drop-ins as it is sourced
  bool reads_drop_ins = false;          ///< the distribution's grub-mkconfig sources a directory
  std::vector<std::string> command;     ///< what writes `output`; empty: not installed
  std::string output;                   ///< "/boot/grub/grub.cfg"; empty: where nothing is mounted
  std::optional<std::string> generated;  ///< its content; nothing where it takes root to read it

  bool operator==(const Grub&) const = default;
};

/// systemd-boot, or another that reads entries of the Boot Loader Specification.
struct BootEntries {
  /// The entries, and /etc/kernel/cmdline, which those of later kernels are made from.
  std::vector<ParameterFile> files;

  bool operator==(const BootEntries&) const = default;
};

/// Unified kernel images, which hold the command line: the initramfs tool builds both at once.
struct UnifiedImage {
  /// /etc/kernel/cmdline, /etc/cmdline.d/NAME.conf, or what a preset of mkinitcpio names instead.
  std::vector<ParameterFile> files;
  bool are_joined = true;  ///< false: each holds the whole command line of another image

  bool operator==(const UnifiedImage&) const = default;
};

/// GRUB with entries of the Boot Loader Specification that grubby(8) changes.
struct Grubby {
  std::vector<ParameterFile> entries;
  std::vector<std::string> outputs;  ///< every file that grubby writes, the entries included

  bool operator==(const Grubby&) const = default;
};

/// What an image-based system starts: each deployment has a command line of its own.
struct Deployments {
  std::vector<ParameterFile> entries;
  /// /run/ostree/staged-deployment: the next one, whose entry is written at shutdown. Empty: none.
  std::string staged = {};

  bool operator==(const Deployments&) const = default;
};

/// rpm-ostree(1), which keeps the command line of each deployment.
struct RpmOstree {
  Deployments deployments;

  bool operator==(const RpmOstree&) const = default;
};

/// bootc(8), whose container image says what kernels get: at an upgrade the difference between two
/// images is applied to what the machine has, and nothing on the machine says it for the next one.
struct Bootc {
  Deployments deployments;

  bool operator==(const Bootc&) const = default;
};

/// A tool that makes a boot loader's entries, command lines included, from settings of its own.
/// What it made is not to be edited: its next run overwrites it.
struct EntryGenerator {
  enum class Kind {
    dracut,             ///< unified images with kernel_cmdline of /etc/dracut.conf.d
    limine_entry_tool,  ///< the last file of `settings` is /etc/default/limine, where there is one
    kernelstub,         ///< Pop!_OS
    proxmox_boot_tool,  ///< /etc/kernel/cmdline, for systemd-boot on the ESPs
    sdboot_manage,      ///< CachyOS, Manjaro: /etc/sdboot-manage.conf
    sdbootutil,         ///< openSUSE: /etc/kernel/cmdline
    u_boot_update,      ///< extlinux.conf: /etc/default/u-boot
  };
  Kind kind = Kind::limine_entry_tool;
  std::vector<ParameterFile> settings;  ///< in the order in which they are read
  std::vector<std::string> command;     ///< makes the entries; empty: it is not installed
  /// The command builds the images too: where images are built, it is not run for itself.
  bool builds_images = false;
  bool reads_drop_ins = false;              ///< this version sources a directory
  std::vector<ParameterFile> outputs = {};  ///< what the command writes, as far as it is seen

  bool operator==(const EntryGenerator&) const = default;
};

struct Limine {
  std::string file;  ///< limine.conf
  std::string text;

  bool operator==(const Limine&) const = default;
};

struct Refind {
  std::string file;  ///< refind_linux.conf
  std::string text;

  bool operator==(const Refind&) const = default;
};

struct UnknownLoader {
  Reason why = ReasonCause::loader_unknown;

  bool operator==(const UnknownLoader&) const = default;
};

/// What passes the command line to the kernel: a closed set, of which the first is the default.
using BootLoader = std::variant<UnknownLoader, Grub, BootEntries, UnifiedImage, Grubby, RpmOstree,
                                Bootc, Limine, Refind, EntryGenerator>;

/// "GRUB", as people call it.
[[nodiscard]] std::string_view name_of(const BootLoader& loader);

}  // namespace vfio_switch
