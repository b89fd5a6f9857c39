// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/boot/boot_loader.h"
#include "system/boot/settings_search.h"

namespace vfio_switch {

/// The tool that writes this system's boot entries from settings of its own. `info` is what the
/// boot loader has told the firmware; `limine_config` the path of limine.conf; both may be empty.
[[nodiscard]] std::optional<EntryGenerator> find_entry_generator(SettingsSearch& look,
                                                                 std::string_view info,
                                                                 const std::string& limine_config);

/// The same of u-boot-update(8), which counts where nothing else is set up: U-Boot reads its
/// extlinux.conf, or starts what another loader is.
[[nodiscard]] std::optional<EntryGenerator> find_u_boot_update(SettingsSearch& look);

/// True where kernels are copied to ESPs that are not mounted: what is in /boot starts nothing.
[[nodiscard]] bool uses_proxmox_boot_tool(const SettingsSearch& look);

}  // namespace vfio_switch
