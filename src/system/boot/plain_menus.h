// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/boot/boot_menu.h"
#include "core/boot/loader_search.h"
#include "system/boot/boot_files.h"
#include "system/boot/loader_signs.h"

namespace vfio_switch {

/// A menu of which nothing is known but its loader, and why.
[[nodiscard]] BootMenu unread_menu(LoaderKind loader, BootUnknown why);

/// The menus of loaders that have them in one file.
[[nodiscard]] BootMenu read_limine_files(const BootFiles& files, const BootPlaces& places,
                                         const LoaderSigns& signs);
[[nodiscard]] BootMenu read_extlinux_files(const BootFiles& files, const BootPlaces& places);

}  // namespace vfio_switch
