// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/doctor/finding.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// The object of `doctor --json`; see json_output.h. `fixing` is what --fix did, or would do; null
/// where that was not asked for.
[[nodiscard]] std::string doctor_json(const std::vector<Finding>& findings, const Plan* fixing);

}  // namespace vfio_switch
