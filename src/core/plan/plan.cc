// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/plan.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "core/cards/card.h"
#include "core/machine/hibernation.h"
#include "core/modules/vfio_driver.h"

namespace vfio_switch {

void PlanPart::add(PlanPart more) {
  std::ranges::move(more.diff, std::back_inserter(diff));
  std::ranges::move(more.refusals, std::back_inserter(refusals));
  std::ranges::move(more.notes, std::back_inserter(notes));
}

std::string_view Plan::outcome() const {
  if (!refusals.empty()) return "refused";
  return diff.empty() ? "nothing" : "change";
}

PlanPart refuse_unmounted(const PlanPart& planned, const SystemFacts& facts) {
  if (planned.diff.empty() || facts.unmounted.empty() ||
      contains(planned.refusals, RefusalCode::boot_not_mounted)) {
    return {};
  }
  Refusal refusal{RefusalCause::not_mounted};
  std::vector<Item> paths;
  for (const auto& path : facts.unmounted) {
    paths.emplace_back(Place{path});
    refusal.remedy.emplace_back(Run{{{"mount", path}}});
  }
  refusal.data.emplace_back("paths", std::move(paths));
  return {.refusals = {std::move(refusal)}};
}

PlanPart warn_of_hibernation(const Plan& plan, const SystemFacts& facts) {
  const bool wanted = plan.state.intent == Intent::enabled;
  const auto is_otherwise = [&](const PciAddress& address) {
    const auto* device = find_device(facts, address);
    return device != nullptr && is_vfio_driver(device->driver) != wanted;
  };
  if (plan.outcome() != "change" || std::ranges::none_of(plan.functions, is_otherwise)) return {};
  auto what = find_hibernation(facts);
  if (!what) return {};
  return {.notes = {{NoteCause::hibernation, {{"what", std::move(*what)}}}}};
}

}  // namespace vfio_switch
