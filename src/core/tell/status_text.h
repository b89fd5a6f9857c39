// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/table.h"
#include "core/machine/facts.h"
#include "core/plan/status.h"

namespace vfio_switch {

/// `status` for people: what is wanted, staged, on the running kernel's command line and active;
/// what the next boot of each kernel will do; why these differ; and the one next command.
/// `can_build`: the images can be built by that command without being asked to.
[[nodiscard]] std::string status_text(const SystemFacts& facts, const Status& status,
                                      const Style& style, bool can_build);

}  // namespace vfio_switch
