// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/doctor/examination.h"
#include "core/doctor/finding.h"

namespace vfio_switch {

/// The functions of the cards that a person asks about, sorted: the chosen cards, otherwise the
/// cards with the fewest refusals, except integrated GPUs and management displays.
[[nodiscard]] std::vector<PciAddress> cards_in_question(const SystemFacts& facts,
                                                        const Selection& selection);

/// What is wrong, or will be: problems first, then warnings, then notes.
[[nodiscard]] std::vector<Finding> diagnose(const Examination& examination);

}  // namespace vfio_switch
