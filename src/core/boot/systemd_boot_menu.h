// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/boot_sources.h"
#include "core/boot/efi_variables.h"
#include "core/boot/unified_image.h"

namespace vfio_switch {

/// A file of text; `why` is set where it exists and could not be read.
struct EntryFile {
  std::string path;  ///< as seen inside the root
  std::string text;
  std::optional<BootUnknown> why = std::nullopt;
};

/// An EFI program that can be a unified image.
struct UnifiedFile {
  std::string path;                       ///< as seen inside the root
  std::vector<UnifiedProfile> profiles;   ///< none: it is no unified image
  std::vector<UnifiedAddon> addons = {};  ///< of PATH.extra.d, in the order of their names
  std::optional<BootUnknown> why = std::nullopt;
};

/// A partition that systemd-boot looks at: the ESP, and XBOOTLDR.
struct EntryPartition {
  std::string mount;                      ///< where it is mounted inside the root: "/efi"
  std::vector<EntryFile> entries = {};    ///< loader/entries/*.conf
  std::vector<UnifiedFile> images = {};   ///< EFI/Linux/*.efi
  std::vector<UnifiedAddon> addons = {};  ///< loader/addons, in the order of their names
};

struct SystemdBootFiles {
  std::optional<EntryFile> settings;       ///< loader/loader.conf of the ESP
  std::vector<EntryPartition> partitions;  ///< the ESP first
  std::string architecture = "x64";        ///< as `architecture` of an entry has it
  EfiVariables variables;
  /// Whether what an entry starts is there; an entry without it is not shown.
  std::function<SourceKind(const std::string& path)> kind;
  /// An EFI program that an entry names.
  std::function<UnifiedFile(const std::string& path)> image;
  /// A directory or variable that could not be read: entries or choices may be missing.
  std::vector<BootUnknown> unknown;
};

/// The menu of systemd-boot, and of what reads the same files in the same way: entries of the Boot
/// Loader Specification and unified images, in systemd-boot's order and with its default (v255 and
/// later; ids are compared without boot counter, as later versions do it).
[[nodiscard]] BootMenu read_systemd_boot_menu(const SystemdBootFiles& files);

/// Name and counter of "arch+3-1.conf": "arch.conf", 3 tries left.
struct CountedName {
  std::string name;
  std::optional<unsigned> tries_left;
};
[[nodiscard]] CountedName split_counter(std::string_view file_name, std::string_view suffix);

/// The command line of a unified image: what was passed, or its own, and what add-ons append.
struct UnifiedCommandLine {
  std::optional<std::string> line;
  std::vector<std::string> possible_words;  ///< of add-ons that Secure Boot may refuse
};
[[nodiscard]] UnifiedCommandLine unified_command_line(
    const UnifiedProfile& profile, const std::optional<std::string>& passed,
    const std::vector<const std::vector<UnifiedAddon>*>& addons, bool secure_boot);

}  // namespace vfio_switch
