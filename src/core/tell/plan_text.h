// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/base/table.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"

namespace vfio_switch {

// The words that people read. Each function gives whole lines.

/// What would be done, with the proof; `details` adds how each file changes, as unified diffs.
[[nodiscard]] std::string plan_text(const SystemFacts& facts, const Plan& plan, bool details,
                                    const Style& style = {});
/// Why nothing is done, and what helps: the first three reasons; the JSON output and `devices` have
/// every one.
[[nodiscard]] std::string refusals_text(const Plan& plan, const Style& style = {});
/// What a person should know, and what to do about it.
[[nodiscard]] std::string notes_text(const std::vector<Note>& notes);
[[nodiscard]] std::string error_text(const Error& error);

}  // namespace vfio_switch
