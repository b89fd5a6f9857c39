// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/display_config.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// The host's display configuration that names a card: Xorg, seat rules, and Ubuntu's PRIME
/// profile (/etc/prime-discrete), which names the NVIDIA card among `devices` without an address.
[[nodiscard]] std::vector<DisplayClaim> read_display_claims(ForeignFiles& files,
                                                            const std::vector<PciDevice>& devices);

}  // namespace vfio_switch
