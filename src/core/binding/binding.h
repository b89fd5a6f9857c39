// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// How vfio-pci is told which functions it gets.
enum class Binding {
  ids,      ///< `options vfio-pci ids=`: every device with one of them
  address,  ///< `driver_override`, set by the bind script: these functions and no others
};

/// By address where an id of `functions` also occurs on a device that stays, or where a driver that
/// takes one of them is built into a kernel: it binds before any module can be loaded. A card that
/// is bound by address stays so until passthrough is disabled.
[[nodiscard]] Binding choose_binding(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions,
                                     const std::vector<Claim>& claims);

}  // namespace vfio_switch
