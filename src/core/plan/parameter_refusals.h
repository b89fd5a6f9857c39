// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/cards/refusal.h"
#include "core/machine/facts.h"

namespace vfio_switch {

/// Completes refusals that are about a word of the kernel command line: where the boot loader gets
/// it from, and what is changed there.
void explain_parameters(std::vector<Refusal>& refusals, const SystemFacts& facts);

}  // namespace vfio_switch
