// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/refind_conf.h"
#include "core/boot/refind_kernels.h"

namespace vfio_switch {

/// The entry of a stanza, and after it those of its submenu.
[[nodiscard]] std::vector<BootEntry> refind_stanza_entries(const RefindStanza& stanza);

/// The entries of kernels that share a line of the menu: that of the line first, then those of its
/// submenu.
[[nodiscard]] std::vector<BootEntry> refind_kernel_entries(const RefindDirectory& directory,
                                                           const std::vector<std::string>& kernels,
                                                           const RefindConf& conf,
                                                           const ReadRefindFile& read);

/// The entry of a unified image.
[[nodiscard]] BootEntry refind_image_entry(const RefindDirectory& directory,
                                           const std::string& name);

}  // namespace vfio_switch
