// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/mount_table.h"
#include "system/boot/boot_files.h"

namespace vfio_switch {

/// Where the file systems of a root are, so that what boot loaders name can be found inside it: by
/// mountinfo and /dev/disk on a running system, else by fstab; where neither tells, a path is taken
/// below whichever of /, /boot, /efi and /boot/efi has it, if only one does.
class FileSystems {
 public:
  /// `mountinfo` is that of the running system, if the root is it; `own` are mount points of FAT
  /// file systems that it does not know, each called after its UUID.
  FileSystems(const BootFiles& files, const std::optional<std::string>& mountinfo,
              const std::vector<std::string>& own = {});

  /// The path of `file` inside the root. `holder` is the file that names it. A BootUnknown of code
  /// `missing` where it is on none of the places that it can be.
  [[nodiscard]] std::expected<std::string, BootUnknown> locate(const BootFile& file,
                                                               const std::string& holder) const;
  /// True if a file system is known to the machine and no part of the running system: it has a
  /// device, and neither mountinfo nor fstab has it.
  [[nodiscard]] bool is_foreign(const FileSystemName& name) const;
  /// True if `point` is a mount point of a file system of its own. Nothing: not known.
  [[nodiscard]] std::optional<bool> is_mount_point(const std::string& point) const;
  /// The file systems of mountinfo, else of fstab.
  [[nodiscard]] const std::vector<MountRow>& rows() const { return rows_; }
  /// The UUIDs that the machine has devices for and that are not mounted: on a running system.
  [[nodiscard]] std::vector<std::string> unmounted_uuids() const;
  /// The mount points of FAT file systems, mounted or in fstab.
  [[nodiscard]] std::vector<std::string> fat_points() const;
  /// The UUID of the root file system as fstab has it.
  [[nodiscard]] std::optional<std::string> root_uuid() const;
  /// Mount points of boot file systems that fstab expects and that are not mounted.
  [[nodiscard]] const std::vector<std::string>& unmounted() const { return unmounted_; }

 private:
  [[nodiscard]] std::vector<const MountRow*> rows_of(const FileSystemName& name) const;
  [[nodiscard]] std::string device_of(const std::string& link) const;
  [[nodiscard]] std::optional<std::string> in_rows(const std::vector<const MountRow*>& rows,
                                                   const BootFile& file) const;
  [[nodiscard]] std::optional<std::string> on_dataset(const std::string& path) const;
  /// Where it is on the file system that `other` is on.
  [[nodiscard]] std::expected<std::string, BootUnknown> beside(const std::string& other,
                                                               const BootFile& file) const;
  [[nodiscard]] std::expected<std::string, BootUnknown> among_places(const std::string& path) const;

  const BootFiles& files_;
  std::vector<MountRow> rows_;  ///< of mountinfo, else of fstab
  std::vector<MountRow> fstab_;
  std::vector<std::string> unmounted_;
  bool is_mounted_ = false;  ///< rows_ are those of mountinfo
};

}  // namespace vfio_switch
