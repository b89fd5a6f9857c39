// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "apply/journal.h"
#include "core/base/error.h"
#include "core/plan/plan.h"
#include "system/files/file_reader.h"
#include "system/machine/machine.h"

namespace vfio_switch {

/// The plan that gives back what the journal says was there before the first change. A file that
/// was edited since is a refusal, as in every plan; generated files that the journal does not
/// know (it was lost, or a snapshot brought them back) are removed if they are unmodified.
[[nodiscard]] Result<Plan> plan_rollback(const FileReader& files, const Machine& machine,
                                         const Journal& journal, const PlanOptions& options);

}  // namespace vfio_switch
