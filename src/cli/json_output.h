// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/cards/selection.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"
#include "core/plan/status.h"

namespace vfio_switch {

/// The objects of --json. Other programs rely on them: keys are added, never changed; what is
/// absent is null; lists of devices are sorted by address.
[[nodiscard]] std::string devices_json(const SystemFacts& facts, const Selection& selection,
                                       const std::optional<std::vector<ExtraCandidate>>& extra);
[[nodiscard]] std::string plan_json(const Plan& plan);
[[nodiscard]] std::string status_json(const Status& status);
[[nodiscard]] std::string error_json(const Error& error);

}  // namespace vfio_switch
