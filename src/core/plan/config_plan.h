// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/cards/intent.h"
#include "core/cards/selection.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// The plan that makes vfio-pci take the selected cards. `claims` are the modules that could
/// claim their functions, for every kernel. The load order is not proved yet: see concluded().
[[nodiscard]] Plan plan_enable(const SystemFacts& facts, const Selection& selection,
                               const std::vector<Claim>& claims, const PlanOptions& options);

/// The plan that gives the cards of `state` back to the host: our files commented out.
[[nodiscard]] Plan plan_disable(const SystemFacts& facts, const State& state,
                                const PlanOptions& options);

}  // namespace vfio_switch
