// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/pci/pci.h"

namespace vfio_switch {

/// The family of an AMD card that is known not to come back from a reset: those that the kernel
/// module vendor-reset was made for; empty for every other device.
[[nodiscard]] std::string_view reset_trouble(PciId id);

}  // namespace vfio_switch
