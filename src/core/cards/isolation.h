// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/cards/refusal.h"
#include "core/machine/facts.h"

namespace vfio_switch {

/// Every reason why the card of `gpu` cannot be passed through, worst first; empty: it can be.
/// `functions` is the card, `leaving` every function that would leave the host, the card included;
/// both sorted.
[[nodiscard]] std::vector<Refusal> card_refusals(const SystemFacts& facts, const PciDevice& gpu,
                                                 const std::vector<PciAddress>& functions,
                                                 const std::vector<PciAddress>& leaving);

/// The reasons among them that are about IOMMU groups, of any functions; `device` is what they
/// belong to.
[[nodiscard]] std::vector<Refusal> isolation_refusals(const SystemFacts& facts,
                                                      const PciDevice& device,
                                                      const std::vector<PciAddress>& functions,
                                                      const std::vector<PciAddress>& leaving);

/// What ends `claim`: the command of the tool that generates the file, where one is known, as its
/// next run would write the line again; otherwise the line is removed.
[[nodiscard]] RemedyStep end_of_claim(const DisplayClaim& claim);

}  // namespace vfio_switch
