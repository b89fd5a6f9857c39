// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "core/boot/boot_menu.h"

namespace vfio_switch {

/// The menu of extlinux.conf, which U-Boot reads (boot/pxe_utils.c), and of syslinux.cfg. Labels,
/// in the order of the file; the default is `default`, `menu default`, or the first. `path` is that
/// of the file, as seen inside the root: relative paths begin in its directory.
[[nodiscard]] BootMenu read_extlinux_menu(const std::string& path, std::string_view text);

}  // namespace vfio_switch
