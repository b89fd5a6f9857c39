// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/plan/plan.h"
#include "core/plan/status.h"

namespace vfio_switch {

/// What of a plan a report may tell: every fact by its type, and of changes no content of a file
/// that others write as well.
[[nodiscard]] Plan told_plan(Plan plan);

/// What of a status a report may tell.
[[nodiscard]] Status told_status(Status status);

}  // namespace vfio_switch
