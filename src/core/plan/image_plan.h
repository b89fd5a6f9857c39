// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/images/image_verdict.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"
#include "core/plan/plan.h"

namespace vfio_switch {

/// The builds of all images that are known, but for those that `planned` has already.
[[nodiscard]] Diff other_rebuilds(const Diff& planned, const SystemFacts& facts,
                                  const Reason& reason);

/// A plan whose file changes are known, completed: with the images that have to follow, and the
/// configuration as it will be.
[[nodiscard]] Plan completed(Plan plan, const SystemFacts& facts, const PlanOptions& options);

/// The images that do not do what is wanted, for a plan that changes no file. An image that is
/// proved current is never rebuilt.
[[nodiscard]] PlanPart rebuild_unproved(const PlanPart& planned, const SystemFacts& facts,
                                        const ImageVerdicts& images, const PlanOptions& options);

/// What the images themselves, opened, add to a plan.
struct ImagePart : PlanPart {
  std::vector<LoadOrder> orders;  ///< what they do, in place of what libkmod expects of new ones
  std::optional<Note> no_build;   ///< the builds are left out, and why
};

[[nodiscard]] Plan with_images(Plan plan, ImagePart images);

}  // namespace vfio_switch
