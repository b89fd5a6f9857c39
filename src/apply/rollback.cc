// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/rollback.h"

#include <algorithm>
#include <ranges>

#include "core/generated.h"
#include "system/planner.h"
#include "system/state_store.h"

namespace vfio_switch {

namespace {

bool is_unmodified_output(const FileState& state) {
  const auto* file = std::get_if<RegularFile>(&state);
  return file != nullptr && is_unmodified(file->content);
}

/// Adds the change that gives `path` back, unless somebody else's edit stands in the way.
void give_back(Plan& plan, const FileChange& made, const FileState& now,
               const PlanOptions& options) {
  if (same_content(now, made.before)) return;
  const bool expected = same_content(now, made.after) || is_unmodified_output(now) ||
                        std::holds_alternative<Absent>(now);
  if (!expected && options.edited == EditedFiles::refuse) {
    plan.refusals.push_back({RefusalCode::user_edited,
                             made.path + " was edited since; --force-ours gives back what was "
                                         "there before, --keep-mine leaves it",
                             {}});
    return;
  }
  if (!expected && options.edited == EditedFiles::keep) {
    plan.notes.push_back(made.path + " is left as it is");
    return;
  }
  if (!expected && options.edited == EditedFiles::save) {
    const auto saved = made.path + ".vfio-switch-saved";
    plan.notes.push_back(made.path + " was edited since; it is kept as " + saved);
    plan.diff.emplace_back(FileChange{saved, Absent{}, now, "an edited file is kept"});
  }
  plan.diff.emplace_back(FileChange{made.path, now, made.before, "as it was before"});
}

}  // namespace

Result<Plan> plan_rollback(const FileReader& files, const Machine& machine, const Journal& journal,
                           const PlanOptions& options) {
  Plan plan;
  plan.state = machine.state;
  if (plan.state.intent != Intent::unset) plan.state.intent = Intent::disabled;
  const auto changes = journal.changed_paths();
  for (const auto& made : std::views::reverse(changes)) {
    if (made.path == state_path) continue;
    auto now = files.state(made.path);
    if (!now) return failure_of(now);
    give_back(plan, made, *now, options);
  }
  for (const auto path : generated_paths) {
    const bool known = std::ranges::find(changes, path, &FileChange::path) != changes.end();
    const auto& now = machine.facts.files.at(std::string(path)).state;
    if (known || !is_unmodified_output(now)) continue;
    plan.diff.emplace_back(FileChange{std::string(path), now, Absent{}, "written by vfio-switch"});
  }
  complete_plan(plan, machine.facts, options);
  plan.functions = select(machine.facts, {{}, machine.state.cards, {}}).functions;
  if (auto proved = Planner(files, machine).prove(plan, options); !proved)
    return failure_of(proved);
  return plan;
}

}  // namespace vfio_switch
