// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/cards/intent.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/command_line_plan.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// True if the IOMMU is off, and the parameter that turns it on is staged or may be: whether the
/// card is isolated can be judged only after the reboot.
[[nodiscard]] bool is_iommu_coming(const SystemFacts& facts, const State& kept,
                                   const BootPolicy& policy);

/// True if the IOMMU is off and the next boot turns it on.
[[nodiscard]] bool is_isolation_pending(const SystemFacts& facts);

/// What a person should know until then.
[[nodiscard]] Note isolation_note();

/// What acs_override() means for whoever is given a card.
[[nodiscard]] std::optional<Note> acs_note(const SystemFacts& facts);

/// A plan to enable, completed with the kernel parameters that it needs: the IOMMU's, and
/// vfio-pci.ids= where vfio-pci is built into a kernel. Where they cannot be set it is refused, and
/// says the exact parameter and where it goes. Our parameters that are no longer needed are
/// removed.
[[nodiscard]] Plan with_boot_parameters(Plan plan, const SystemFacts& facts,
                                        const std::vector<Claim>& claims, const State& kept,
                                        const BootPolicy& policy);

/// A plan to disable, completed: our vfio-pci.ids= is removed. The parameters of the IOMMU stay,
/// since they do no harm.
[[nodiscard]] Plan without_id_parameter(Plan plan, const SystemFacts& facts, const State& kept,
                                        const BootPolicy& policy);

}  // namespace vfio_switch
