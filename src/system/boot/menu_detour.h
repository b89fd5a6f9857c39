// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"
#include "system/boot/boot_files.h"

namespace vfio_switch {

/// Why the next boot may not be what the menu says now: it skips the menu or resumes a hibernated
/// system, or the menu changes when the system shuts down. Nothing where it is.
[[nodiscard]] std::optional<BootUnknown> find_menu_detour(const BootFiles& files,
                                                          const EfiVariables& variables);

}  // namespace vfio_switch
