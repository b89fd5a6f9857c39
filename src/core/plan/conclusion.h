// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// `plan` with what libkmod said about `plan.config`. A plan to enable whose order does not come
/// out with vfio-pci first for every function, in every kernel that has it, becomes a refusal; one
/// whose order cannot be known gets a note of the reason. Of a plan that is refused the changes are
/// taken out.
[[nodiscard]] Plan concluded(Plan plan, std::vector<LoadOrder> orders, const SystemFacts& facts);

/// A concluded plan to enable, refused if its order cannot be known. It is for the automatic setup,
/// for which nobody has asked.
[[nodiscard]] Plan refused_if_undecided(Plan plan);

}  // namespace vfio_switch
