// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/rollback.h"

#include <algorithm>
#include <ranges>

#include "apply/boot_rollback.h"
#include "apply/journalled_state.h"
#include "core/base/line_diff.h"
#include "core/binding/generated_files.h"
#include "core/boot/parameter_edit.h"
#include "core/cards/selection.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/plan/image_plan.h"
#include "system/planner/planner.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

bool is_unmodified_output(const FileState& state) {
  const auto* file = std::get_if<RegularFile>(&state);
  return file != nullptr && is_unmodified(file->content);
}

std::string difference(const FileChange& made, const FileState& now) {
  const auto* theirs = std::get_if<RegularFile>(&now);
  const auto* before = std::get_if<RegularFile>(&made.before);
  if (theirs == nullptr) return {};
  return unified_diff(theirs->content, before == nullptr ? "" : before->content,
                      made.path + " as it is",
                      before == nullptr ? "/dev/null" : made.path + " as it was before");
}

/// The change that takes `made` back, unless somebody else's edit stands in the way.
PlanPart give_back(const FileChange& made, const FileState& now, const PlanOptions& options) {
  if (same_content(now, made.before)) return {};
  const Data data = {{"file", Place{made.path}}};
  const Run keep = own_command({"rollback", "--keep-mine"});
  const bool expected = same_content(now, made.after) || is_unmodified_output(now) ||
                        std::holds_alternative<Absent>(now);
  const bool is_directory = !expected && std::holds_alternative<Directory>(now);
  if (!expected && options.edited == EditedFiles::keep) {
    return {.notes = {{NoteCause::file_left, data}}};
  }
  if (is_directory) {
    return {.refusals = {{RefusalCause::file_is_directory,
                          data,
                          {Manual{ByHand::move_away, data}, OtherWay{}, keep}}}};
  }
  if (!expected && options.edited == EditedFiles::refuse) {
    return {.refusals = {{RefusalCause::edited_since,
                          data,
                          {own_command({"rollback", "--force-ours"}), OtherWay{}, keep},
                          {},
                          difference(made, now)}}};
  }
  return {.diff = {FileChange{made.path, now, made.before, ReasonCause::restored,
                              made.boot_parameters}}};
}

}  // namespace

Result<Plan> plan_rollback(const FileReader& files, const Machine& machine, const Journal& journal,
                           const PlanOptions& options) {
  Plan plan;
  // Nothing is wanted any more but that it is as it was. What is ours is still known by the state.
  plan.state = {};
  const auto changes = journal.changed_paths();
  for (const auto& made : std::views::reverse(changes)) {
    if (is_remembered(made.path) || is_boot_setting(made)) continue;
    auto now = files.state(made.path);
    if (!now) return failure_of(now);
    plan.add(give_back(made, *now, options));
  }
  for (const auto path : generated_paths) {
    const bool known = std::ranges::find(changes, path, &FileChange::path) != changes.end();
    const auto& now = machine.facts.files.at(std::string(path)).state;
    if (known || !is_unmodified_output(now)) continue;
    plan.diff.emplace_back(
        FileChange{std::string(path), now, Absent{}, ReasonCause::written_by_us});
  }
  plan = completed(std::move(plan), machine.facts, options);
  auto boot = roll_back_boot(plan.diff, files, machine, journal, options);
  if (!boot) return failure_of(boot);
  // Images may hold the command line.
  const bool changes_line = !boot->settings.empty() || changes_boot_parameters(plan.diff);
  if (changes_line && comes_with_image(machine.facts.boot_loader)) {
    plan.add({.diff = other_rebuilds(plan.diff, machine.facts, ReasonCause::holds_command_line)});
  }
  const auto first_rebuild = std::ranges::find_if(plan.diff, [](const Change& change) {
    return std::holds_alternative<RebuildInitramfs>(change);
  });
  plan.diff.insert(first_rebuild, boot->settings.begin(), boot->settings.end());
  plan.add(std::move(*boot));
  plan.add(refuse_unmounted(plan, machine.facts));
  plan.functions = select(machine.facts, kept_choice(machine.state)).functions;
  return Planner(files, machine).prove(std::move(plan), options);
}

}  // namespace vfio_switch
