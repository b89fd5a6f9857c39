// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/error.h"
#include "core/facts.h"
#include "core/plan.h"
#include "core/selection.h"

namespace vfio_switch {

/// The words that people read. Each function gives whole lines.
[[nodiscard]] std::string devices_text(const SystemFacts& facts, const Selection& selection);
/// What would be done, with the proof; `verbose` adds the contents of the files.
[[nodiscard]] std::string plan_text(const SystemFacts& facts, const Plan& plan, bool verbose);
/// Why nothing is done: at most five lines; the JSON output and `devices` have every reason.
[[nodiscard]] std::string refusals_text(const Plan& plan);
[[nodiscard]] std::string error_text(const Error& error);

}  // namespace vfio_switch
