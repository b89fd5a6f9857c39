// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/table.h"
#include "core/cards/intent.h"
#include "core/doctor/finding.h"

namespace vfio_switch {

/// What is the case, one sentence.
[[nodiscard]] std::string found_text(const Finding& finding);

/// Why that matters.
[[nodiscard]] std::string why_text(const Finding& finding);

/// The table that shows more of it, a line each.
[[nodiscard]] std::vector<std::string> detail_lines(const Finding& finding);

/// What people read: every finding with its remedy, worst first, and what to do next. Prose is no
/// wider than 80 columns anywhere.
[[nodiscard]] std::string doctor_text(const std::vector<Finding>& findings, Intent intent,
                                      Style style);

}  // namespace vfio_switch
