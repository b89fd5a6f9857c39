// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"
#include "system/boot/boot_files.h"
#include "system/boot/file_systems.h"
#include "system/boot/loader_signs.h"

namespace vfio_switch {

/// rEFInd's menu, from the refind.conf of the ESP and what rEFInd scans on mounted file systems.
[[nodiscard]] BootMenu read_refind_files(const BootFiles& files, const FileSystems& systems,
                                         const BootPlaces& places, const EfiVariables& variables,
                                         bool is_arm);

}  // namespace vfio_switch
