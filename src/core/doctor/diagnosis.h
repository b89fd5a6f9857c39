// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/doctor/examination.h"
#include "core/doctor/finding.h"

namespace vfio_switch {

/// The functions of the cards that a person asks about, sorted: those that are chosen, else the
/// ones that least stands in the way of, beside the processor's own graphics and a management
/// controller's.
[[nodiscard]] std::vector<PciAddress> cards_in_question(const SystemFacts& facts,
                                                        const Selection& selection);

/// What is wrong, or will be: problems first, then warnings, then notes.
[[nodiscard]] std::vector<Finding> diagnose(const Examination& examination);

}  // namespace vfio_switch
