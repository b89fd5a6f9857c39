// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// The boot file systems (/boot, /efi, /boot/efi) that `fstab` (fstab(5)) expects and `mountinfo`
/// (proc_pid_mountinfo(5)) does not show mounted. Images written below such a path would vanish
/// behind the file system as soon as that is mounted.
[[nodiscard]] std::vector<std::string> unmounted_boot_paths(std::string_view fstab,
                                                            std::string_view mountinfo);

}  // namespace vfio_switch
