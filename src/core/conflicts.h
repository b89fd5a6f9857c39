// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <vector>

#include "core/facts.h"
#include "core/load_order.h"
#include "core/refusal.h"

namespace vfio_switch {

/// What else on the machine would defeat binding by ids: kernels without a usable vfio-pci,
/// built-in claimants, other people's modprobe lines (`others`: all but ours) and kernel
/// parameters. Files are named with their line.
[[nodiscard]] std::vector<Refusal> find_conflicts(const SystemFacts& facts,
                                                  const std::vector<Claim>& claims,
                                                  const std::vector<ModprobeDirective>& others,
                                                  const std::set<PciId>& ids);

}  // namespace vfio_switch
