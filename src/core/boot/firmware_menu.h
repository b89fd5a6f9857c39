// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/boot/boot_menu.h"
#include "core/boot/boot_sources.h"
#include "core/boot/efi_variables.h"

namespace vfio_switch {

/// The boot options of the firmware as a menu: what starts a kernel or a unified image without a
/// boot loader between. In the firmware's order; the default is the first active one whose file is
/// there, since firmware passes over the others, and BootNext the choice for once. `kind` tells
/// whether a file of a partition (FileSystemBy::partition_uuid) exists.
[[nodiscard]] BootMenu read_firmware_menu(const EfiVariables& variables,
                                          const BootSources& sources);

}  // namespace vfio_switch
