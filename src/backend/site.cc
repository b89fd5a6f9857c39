// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/site.h"

#include <chrono>
#include <iostream>
#include <utility>

#include "apply/progress.h"
#include "core/tell/message_text.h"
#include "core/tell/plan_text.h"

namespace vfio_switch {

Plan no_change(const Machine& machine) {
  Plan plan;
  plan.state = machine.state;
  return plan;
}

Result<void> Site::open() {
  auto store = open_store(event_.root);
  if (!store) return failure_of(store);
  files_ = std::move(*store);
  runner_ = make_command_runner(event_.root);
  return {};
}

Result<void> Site::change(const MakePlan& make, bool rebuild, bool forget) {
  const auto previewed = preview(*files_, make, forget);
  if (!previewed) return std::unexpected(previewed.error());
  const auto& first = previewed->plan;
  if (!is_worth_doing(*files_, first)) {
    if (!first.refusals.empty() && !refusals_told_) std::cout << refusals_text(first);
    return {};
  }
  return carry_out(make, rebuild, forget);
}

Result<void> Site::recover() {
  if (!is_change_pending(*files_)) return {};
  const auto nothing = [](const FileReader&, const Machine& machine, const Journal&) {
    return Result<Plan>(no_change(machine));
  };
  return carry_out(nothing, false, false);
}

Result<void> Site::carry_out(const MakePlan& make, bool rebuild, bool forget) {
  const Operation operation{.verb = event_.name,
                            .make_plan = make,
                            .rebuild = rebuild,
                            .boot_loader = can_rebuild(),
                            .forget = forget,
                            .patience = std::chrono::seconds(30),
                            .progress = make_progress()};
  auto result = operation.run(*files_, *runner_);
  if (!result) {
    auto error = std::move(result).error();
    error.message = "'" + event_.name + "' failed: " + error.message;
    return std::unexpected(std::move(error));
  }
  for (const auto& note : result->plan.notes)
    std::cout << "vfio-switch: " << note_text(note) << "\n";
  if (!result->plan.refusals.empty()) std::cout << refusals_text(result->plan);
  changed_ = result->changed;
  return {};
}

}  // namespace vfio_switch
