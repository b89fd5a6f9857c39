// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/boot/boot_loader.h"
#include "system/boot/settings_search.h"

namespace vfio_switch {

[[nodiscard]] bool has_unified_images(const SettingsSearch& look);

/// The settings that the command line of unified images is made from, by the tool that makes them:
/// the presets of mkinitcpio(8), kernel_cmdline of dracut.conf(5), else /etc/kernel/cmdline
/// (kernel-install(8) with ukify).
[[nodiscard]] BootLoader find_unified_image(SettingsSearch& look);

}  // namespace vfio_switch
