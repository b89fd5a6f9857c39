// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/site.h"

#include <chrono>
#include <iostream>
#include <utility>

#include "apply/progress.h"
#include "core/tell/message_text.h"
#include "core/tell/plan_text.h"
#include "core/tell/remedy_text.h"

namespace vfio_switch {

namespace {

constexpr std::string_view refused_heading = "vfio-switch: nothing was changed, because:";

}  // namespace

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

Result<void> Site::change(const MakePlan& make, Images images) {
  const auto change = operation(make, images);
  const auto attempt = change.attempt(*files_);
  if (attempt.is_needed) return carry_out(change);
  if (!attempt.preview) return std::unexpected(attempt.preview.error());
  const auto& plan = attempt.preview->plan;
  if (!plan.refusals.empty() && !refusals_told_) {
    std::cout << refusals_text(plan, refused_heading);
  }
  return {};
}

Result<void> Site::recover() {
  const auto nothing = [](const FileReader&, const Machine& machine, const Journal&) {
    return Result<Plan>(no_change(machine));
  };
  const auto change = operation(nothing, Images::leave);
  return change.attempt(*files_).is_pending ? carry_out(change) : Result<void>();
}

Operation Site::operation(const MakePlan& make, Images images) const {
  return {.verb = event_.name,
          .make_plan = make,
          .rebuild = images == Images::build,
          .boot_loader = can_rebuild(),
          .patience = std::chrono::seconds(30),
          .progress = make_progress()};
}

Result<void> Site::carry_out(const Operation& operation) {
  auto result = operation.run(*files_, *runner_);
  if (!result) {
    auto error = std::move(result).error();
    error.message = "'" + event_.name + "' failed: " + error.message;
    return std::unexpected(std::move(error));
  }
  for (const auto& note : result->plan.notes) {
    std::cout << "vfio-switch: note: " << note_text(note) << ".\n"
              << remedy_lines(note.remedy, "  ", {});
  }
  if (!result->plan.refusals.empty()) {
    std::cout << refusals_text(result->plan, refused_heading);
  }
  changed_ = result->changed;
  return {};
}

}  // namespace vfio_switch
