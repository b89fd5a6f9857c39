// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/base/table.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// The words that people read. Each function gives whole lines.
/// What would be done, with the proof; `details` adds how each file changes, as unified diffs.
[[nodiscard]] std::string plan_text(const SystemFacts& facts, const Plan& plan, bool details,
                                    const Style& style = {});
/// Why nothing is done: at most five lines; the JSON output and `devices` have every reason.
[[nodiscard]] std::string refusals_text(const Plan& plan, const Style& style = {});
[[nodiscard]] std::string error_text(const Error& error);

}  // namespace vfio_switch
