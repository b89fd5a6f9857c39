// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/boot/boot_menu.h"
#include "core/boot/refind_request.h"

namespace vfio_switch {

/// rEFInd's menu (rEFInd 0.14): the stanzas of refind.conf, kernels with the lines of
/// refind_linux.conf, and the unified images of EFI/Linux. An id is what the title says of the
/// loader: "boot\vmlinuz-linux", "Arch Linux".
///
/// rEFInd scans volumes in an order that only the firmware knows, and its default is the first
/// title that holds a text. It is known here where nothing that is not seen can come before it.
[[nodiscard]] BootMenu read_refind_menu(const RefindRequest& request);

}  // namespace vfio_switch
