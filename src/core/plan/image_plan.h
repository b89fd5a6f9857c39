// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/images/image_verdict.h"
#include "core/machine/facts.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// Completes a plan whose file changes are known: the images that have to follow, and the
/// configuration as it will be.
void complete_plan(Plan& plan, const SystemFacts& facts, const PlanOptions& options);

/// Adds the images that do not do what is wanted to a plan that changes no file. An image that is
/// proved current is never rebuilt.
void rebuild_unproved(Plan& plan, const SystemFacts& facts, const ImageVerdicts& images,
                      const PlanOptions& options);

}  // namespace vfio_switch
