// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"

namespace vfio_switch {

/// A file system as /proc/self/mountinfo or /etc/fstab has it.
struct MountRow {
  std::string point;        ///< where it is mounted
  std::string root;         ///< the directory of the file system that is mounted there: "/", "/@"
  std::string type;         ///< "ext4"
  std::string source;       ///< "/dev/sda2", "UUID=1111", "rpool/ROOT/pve-1"
  bool is_mounted = false;  ///< it stands in mountinfo

  bool operator==(const MountRow&) const = default;
};

/// The rows of mountinfo (proc_pid_mountinfo(5)), without those that another covers, automounts
/// that wait, and what is no file system on a disk. Escapes (\040) are resolved.
[[nodiscard]] std::vector<MountRow> parse_mount_rows(std::string_view mountinfo);

/// The rows of fstab(5); `subvol=` gives the root of a btrfs.
[[nodiscard]] std::vector<MountRow> parse_fstab_rows(std::string_view fstab);

/// Where a path of a file system can be found. `same` says if a row's source is the file system
/// that is meant. Returns nothing for a path outside the mounted part.
[[nodiscard]] std::optional<std::string> path_in_row(const MountRow& row, std::string_view path);

/// The row that holds a path of the root: the one with the longest mount point above it.
[[nodiscard]] const MountRow* row_of(const std::vector<MountRow>& rows, std::string_view path);

}  // namespace vfio_switch
