// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"
#include "core/boot/systemd_boot_files.h"
#include "system/boot/boot_files.h"
#include "system/boot/file_systems.h"
#include "system/boot/unpack_file.h"

namespace vfio_switch {

/// A unified image with its own add-ons.
[[nodiscard]] UnifiedFile read_unified_file(const BootFiles& files, const std::string& path);
/// The add-ons of a directory, in the order of their names.
[[nodiscard]] std::vector<UnifiedAddon> read_addons(const BootFiles& files,
                                                    const std::string& directory);

/// Finds the files that entries name, and reads what only these tell: releases, the command lines
/// of unified images, and whether an entry is another system's.
class EntryFiles {
 public:
  EntryFiles(const BootFiles& files, const FileSystems& systems, const UnpackFile& unpack);

  void complete(BootMenu& menu, const EfiVariables& variables);

 private:
  void complete(BootEntry& entry, const EfiVariables& variables);
  [[nodiscard]] bool is_foreign(const BootEntry& entry) const;
  void locate(BootEntry& entry, BootFile& file) const;
  void read_image(BootEntry& entry, const EfiVariables& variables);
  void read_release(BootEntry& entry);

  const BootFiles& files_;
  const FileSystems& systems_;
  const UnpackFile& unpack_;
  bool has_lines_ = false;  ///< the menu's reader made the command lines of unified images itself
  std::string machine_id_;
  std::optional<std::string> root_uuid_;
  std::map<std::string, UnifiedFile> images_;  ///< by path
  struct Release {
    std::optional<std::string> release;
    std::optional<BootUnknown> why;
  };
  std::map<std::string, Release> releases_;  ///< by path of the kernel
};

}  // namespace vfio_switch
