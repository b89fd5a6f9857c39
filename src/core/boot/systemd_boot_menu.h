// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/boot/boot_menu.h"
#include "core/boot/systemd_boot_files.h"

namespace vfio_switch {

/// The menu of systemd-boot, and of what reads the same files in the same way: entries of the Boot
/// Loader Specification and unified images, in systemd-boot's order and with its default (v255 and
/// later; ids are compared without boot counter, as later versions do it).
[[nodiscard]] BootMenu read_systemd_boot_menu(const SystemdBootFiles& files);

}  // namespace vfio_switch
