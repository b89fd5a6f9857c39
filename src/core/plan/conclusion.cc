// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/conclusion.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/binding/shadowing.h"
#include "core/boot/parameter_remedy.h"

namespace vfio_switch {

namespace {

/// The line of an initramfs tool's list that is the reason; null where none is.
const Place* place_of_list(const Reason& reason) {
  const bool by_list =
      reason.cause == ReasonCause::loaded_by_list || reason.cause == ReasonCause::list_lacks_ids;
  if (!by_list) return nullptr;
  return std::get_if<Place>(&reason.data.front().items.front());
}

Refusal unproved(const LoadOrder& order) {
  return {RefusalCause::order_unproved,
          {{"device", order.device},
           {"kernel", Word{order.kernel}},
           {"reason", order.reason.value_or(Reason())}},
          {},
          {order.device}};
}

/// Refuses what libkmod does not confirm: vfio-pci first for every function, in every kernel that
/// has it. What it cannot be asked, nor anybody else, is only noted, and once.
PlanPart refuse_unproved(const Plan& plan, const SystemFacts& facts) {
  PlanPart part;
  for (const auto& order : plan.load_order) {
    const auto kernel = std::ranges::find(facts.kernels, order.kernel, &Kernel::release);
    const bool as_wanted = order.vfio_wins() || kernel->vfio_pci == ModuleForm::missing;
    if (as_wanted && order.proved) continue;
    if (as_wanted && order.is_undecided()) {
      const Note note{NoteCause::not_proved, {{"reason", *order.reason}}};
      const bool known = std::ranges::find(part.notes, note) != part.notes.end();
      if (!known) part.notes.push_back(note);
      continue;
    }
    const auto reason = order.reason.value_or(Reason());
    auto refusal = unproved(order);
    if (const auto line = shadowing_line(plan.config.modprobe, *kernel, order)) {
      refusal.cause = RefusalCause::order_overridden;
      refusal.data.emplace_back("place", *line);
      refusal.remedy.emplace_back(Edit{*line, {}, {}});
    } else if (const auto* place = place_of_list(reason)) {
      refusal.remedy.emplace_back(Edit{*place, {}, {}});
    } else if (reason.cause == ReasonCause::driverctl_gives) {
      refusal.remedy = without_override(order.device);
    } else if (reason.cause == ReasonCause::stub_takes ||
               reason.cause == ReasonCause::vfio_refused) {
      const auto& word = std::get<Parameter>(reason.data.front().items.front());
      refusal.remedy = parameter_remedy(facts.boot_loader, {}, {word.text});
    }
    part.refusals.push_back(std::move(refusal));
  }
  return part;
}

}  // namespace

Plan concluded(Plan plan, std::vector<LoadOrder> orders, const SystemFacts& facts) {
  plan.load_order = std::move(orders);
  if (plan.state.intent == Intent::enabled && plan.refusals.empty()) {
    plan.add(refuse_unproved(plan, facts));
  }
  // What is refused is not offered either: its ids might be a device's of the host.
  if (!plan.refusals.empty()) plan.diff.clear();
  return plan;
}

Plan refused_if_undecided(Plan plan) {
  const auto noted = std::ranges::count(plan.notes, NoteCause::not_proved, &Note::cause);
  if (noted == 0) return plan;
  for (const auto& order : plan.load_order) {
    if (order.is_undecided()) plan.refusals.push_back(unproved(order));
  }
  std::erase_if(plan.notes, [](const Note& note) { return note.cause == NoteCause::not_proved; });
  plan.diff.clear();
  return plan;
}

}  // namespace vfio_switch
