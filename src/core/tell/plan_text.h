// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/table.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"

namespace vfio_switch {

// The words that people read. Each function gives whole lines.

/// What would be done, with the proof; `details` adds how each file changes, as unified diffs.
[[nodiscard]] std::string plan_text(const SystemFacts& facts, const Plan& plan, bool details,
                                    const Style& style = {});
/// `heading`, why nothing is done, and what helps: the first three reasons; the JSON output has
/// every one.
[[nodiscard]] std::string refusals_text(const Plan& plan, std::string_view heading,
                                        const Style& style = {});
/// What a person should know, and what to do about it.
[[nodiscard]] std::string notes_text(const std::vector<Note>& notes);
/// The failure and what helps; `severity`, such as "warning: ", goes behind the program's name.
[[nodiscard]] std::string error_text(const Error& error, std::string_view severity = {});

}  // namespace vfio_switch
