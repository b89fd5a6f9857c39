// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/display_config.h"
#include "core/machine/facts.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// The host's display configuration that names a card: Xorg, seat rules, and Ubuntu's PRIME
/// profile (/etc/prime-discrete), which names the NVIDIA card among `devices` without an address.
[[nodiscard]] std::vector<DisplayClaim> read_display_claims(ForeignFiles& files,
                                                            const std::vector<PciDevice>& devices);

/// True if the host can show something: a DRM device with a connector, or the framebuffer that the
/// firmware set up. A card that vfio-pci has offers no connector, and its framebuffer is the
/// guest's.
[[nodiscard]] Result<bool> has_host_display(const FileReader& files, const SystemFacts& facts);

}  // namespace vfio_switch
