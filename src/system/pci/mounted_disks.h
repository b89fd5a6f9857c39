// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/pci/pci.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What the running system has mounted, swaps to and has assembled, to be asked disk by disk.
class MountedDisks {
 public:
  explicit MountedDisks(const FileReader& files);

  /// What the block device of that name in /sys/class/block is used for; nothing: it is free.
  [[nodiscard]] std::optional<HostUse> use_of(const std::string& name) const;

 private:
  void read_mounts();
  void read_fstab();
  [[nodiscard]] std::string holder_of(const std::string& name) const;
  [[nodiscard]] std::optional<HostUse> use_by_zfs(const std::string& name,
                                                  const std::string& number) const;

  const FileReader& files_;
  bool is_known_ = false;                      ///< there is a list of what is mounted
  std::map<std::string, std::string> points_;  ///< by number ("8:1") and by name ("sda1")
  std::map<std::string, std::string> listed_;  ///< by name: where /etc/fstab mounts it
  std::set<std::string> swaps_;                ///< names
  std::set<std::string> btrfs_;                ///< names; a mount names one of several
  bool zfs_ = false;                           ///< a pool is imported
};

}  // namespace vfio_switch
