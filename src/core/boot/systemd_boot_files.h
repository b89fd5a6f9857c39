// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
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

}  // namespace vfio_switch
