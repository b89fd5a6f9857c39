// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "apply/operation.h"
#include "cli/options.h"

namespace vfio_switch {

/// How to plan what the command line asks for. `plan` alone: the kept intent, else enable.
[[nodiscard]] MakePlan plan_for(const Options& options);

/// How to mend what is ours: the plan that makes the kept intent hold. Before there is an intent it
/// changes nothing, and carrying it out ends what an earlier run left unfinished.
[[nodiscard]] MakePlan plan_to_mend(const Options& options);

}  // namespace vfio_switch
