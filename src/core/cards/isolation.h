// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/cards/refusal.h"
#include "core/machine/facts.h"

namespace vfio_switch {

/// The kernel parameter that would turn the IOMMU on; nothing where it is on, or where no
/// parameter helps. Only Intel needs one: the kernel may leave a DMAR table unused
/// (CONFIG_INTEL_IOMMU_DEFAULT_ON), while an IVRS table is always used.
[[nodiscard]] std::optional<std::string> missing_iommu_parameter(const SystemFacts& facts);

/// Every reason not to give away the card of `gpu`, worst first; empty: it may go. `functions` is
/// the card, `leaving` every function that would leave the host, the card included; both sorted.
[[nodiscard]] std::vector<Refusal> card_refusals(const SystemFacts& facts, const PciDevice& gpu,
                                                 const std::vector<PciAddress>& functions,
                                                 const std::vector<PciAddress>& leaving);

}  // namespace vfio_switch
