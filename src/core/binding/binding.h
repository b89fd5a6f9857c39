// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/machine/facts.h"
#include "core/message/data.h"
#include "core/modules/load_order.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// How vfio-pci is told which functions it gets.
enum class Binding {
  ids,      ///< `options vfio-pci ids=`: every device with one of them
  address,  ///< `driver_override`, set by the bind script: these functions and no others
};

/// Why ids would not do; nothing where they do. An id of `functions` also occurs on a device that
/// stays, or a driver that takes one of them is built into a kernel, and binds before vfio-pci: as
/// a module, vfio-pci always comes later. A card that is bound by address stays so until
/// passthrough is disabled.
[[nodiscard]] std::optional<Reason> why_by_address(const SystemFacts& facts,
                                                   const std::vector<PciAddress>& functions,
                                                   const std::vector<Claim>& claims);

/// Why a driver that is built in binds no function of `claim` before vfio-pci, which is built in as
/// well.
[[nodiscard]] Reason later_driver(const Claim& claim);

/// By ids where they do.
[[nodiscard]] Binding choose_binding(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions,
                                     const std::vector<Claim>& claims);

}  // namespace vfio_switch
