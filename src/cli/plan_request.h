// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "apply/operation.h"
#include "cli/options.h"

namespace vfio_switch {

/// How to plan what the command line asks for. `plan` alone: the kept intent, else enable.
[[nodiscard]] MakePlan plan_for(const Options& options);

/// How doctor --fix repairs our own files: the plan that makes the remembered intent hold. Before
/// there is an intent it changes nothing, and carrying it out ends what an earlier run left
/// unfinished.
[[nodiscard]] MakePlan plan_to_fix(const Options& options);

}  // namespace vfio_switch
