// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/plan.h"

#include <string>
#include <utility>
#include <vector>

namespace vfio_switch {

std::string_view Plan::outcome() const {
  if (!refusals.empty()) return "refused";
  return diff.empty() ? "nothing" : "change";
}

void refuse_unmounted(Plan& plan, const SystemFacts& facts) {
  if (plan.diff.empty() || facts.unmounted.empty() ||
      contains(plan.refusals, RefusalCode::boot_not_mounted)) {
    return;
  }
  Refusal refusal{RefusalCause::not_mounted};
  std::vector<Item> paths;
  for (const auto& path : facts.unmounted) {
    paths.emplace_back(Place{path});
    refusal.remedy.emplace_back(Run{{{"mount", path}}});
  }
  refusal.data.emplace_back("paths", std::move(paths));
  plan.refusals.push_back(std::move(refusal));
}

}  // namespace vfio_switch
