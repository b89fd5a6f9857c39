// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"

namespace vfio_switch {

/// What the command line of the running kernel says about what started it.
struct ThisBoot {
  /// `BOOT_IMAGE=` of GRUB and extlinux: the path, without the device that GRUB's reader of boot
  /// entries writes before it ("(hd0,gpt2)/vmlinuz"); disk numbers mean nothing outside of GRUB.
  std::optional<std::string> image;
  /// `initrd=` words, which systemd-boot and other EFI loaders write, with slashes.
  std::vector<std::string> initrds;
  std::string rest;  ///< the other words, in order, one blank between them

  bool operator==(const ThisBoot&) const = default;
};

[[nodiscard]] ThisBoot read_this_boot(std::string_view command_line);

/// The entry that started the running kernel: what the loader or the stub says in its variables,
/// else the only one whose kernel, release and command line are those of this boot. Nothing where
/// none fits, or several do. `running_release` is empty where it is not known.
[[nodiscard]] std::optional<std::size_t> entry_of_this_boot(const BootMenu& menu,
                                                            const ThisBoot& boot,
                                                            const EfiVariables& variables,
                                                            std::string_view running_release);

}  // namespace vfio_switch
