// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/boot_rollback.h"

#include <algorithm>
#include <cstdint>
#include <expected>
#include <optional>
#include <ranges>

#include "apply/journalled_state.h"
#include "core/binding/generated_files.h"
#include "core/boot/grub_settings.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_file.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

/// Takes our parameters out of what stands at `path` now.
void strip(Plan& plan, const std::string& path, const FileState& now, const Parameters& ours) {
  const auto* file = std::get_if<RegularFile>(&now);
  if (file == nullptr) return;
  auto after = *file;
  after.content = without_parameters(syntax_of(path), file->content, ours);
  after.modified = 0;
  if (after.content == file->content) return;
  plan.diff.emplace_back(FileChange{path, now, after, ReasonCause::parameters_stripped, true});
}

/// The settings that the journal tells of.
Result<void> give_back_settings(Plan& plan, const FileReader& files, const Journal& journal,
                                const Parameters& ours) {
  const auto changes = journal.changed_paths();
  for (const auto& made : std::views::reverse(changes)) {
    if (!is_boot_setting(made)) continue;
    const auto now = files.state(made.path);
    if (!now) return std::unexpected(now.error());
    // A boot entry goes with its kernel: it stays away.
    if (std::holds_alternative<Absent>(*now) || same_content(*now, made.before)) continue;
    if (same_content(*now, made.after)) {
      plan.diff.emplace_back(FileChange{made.path, *now, made.before, ReasonCause::restored, true});
    } else {
      strip(plan, made.path, *now, ours);
    }
  }
  return {};
}

bool is_planned(const Plan& plan, const std::string& path) {
  return std::ranges::any_of(plan.diff, [&](const Change& change) {
    const auto* file = std::get_if<FileChange>(&change);
    return file != nullptr && file->path == path;
  });
}

/// When the settings that are as this program left them were written; nothing where none is.
Result<std::optional<std::int64_t>> time_of_change(const FileReader& files,
                                                   const Journal& journal) {
  for (const auto& made : journal.changed_paths()) {
    if (!is_boot_setting(made)) continue;
    const auto now = files.state(made.path);
    if (!now) return std::unexpected(now.error());
    const auto* file = std::get_if<RegularFile>(&*now);
    if (file != nullptr && same_content(*now, made.after)) return file->modified;
  }
  return std::nullopt;
}

/// What the journal does not tell of: it was lost, or the boot entry of a later kernel was made
/// from the command line of a running one. An entry that is older had the parameter before.
Result<void> strip_others(Plan& plan, const FileReader& files, const Journal& journal,
                          const std::expected<ParameterEdit, Obstacle>& edit) {
  if (!edit) {
    plan.notes.push_back({NoteCause::parameters_not_removed,
                          {{"reason", edit.error().reason}},
                          edit.error().remedy});
    return {};
  }
  const auto since = time_of_change(files, journal);
  if (!since) return std::unexpected(since.error());
  for (const auto& change : edit->files) {
    const auto* before = std::get_if<RegularFile>(&change.before);
    const bool older = *since && before != nullptr && before->modified < **since;
    if (!older && !is_planned(plan, change.path)) plan.diff.emplace_back(change);
  }
  return {};
}

/// What the boot loader's tool wrote; true if all that `run` would write gets back the bytes that
/// it had.
Result<bool> give_back_outputs(Plan& plan, const FileReader& files, const Journal& journal,
                               const BootParameters* run) {
  const auto written = journal.boot_outputs();
  const auto knows = [&](const std::string& path) {
    return std::ranges::find(written, path, &FileChange::path) != written.end();
  };
  if (run != nullptr && (run->outputs.empty() || !std::ranges::all_of(run->outputs, knows))) {
    return false;
  }
  std::vector<FileChange> changes;
  for (const auto& made : written) {
    const auto now = files.state(made.path);
    if (!now) return std::unexpected(now.error());
    if (!same_content(*now, made.after)) return false;
    if (same_content(*now, made.before) || is_planned(plan, made.path)) continue;
    changes.push_back({made.path, *now, made.before, ReasonCause::restored, true});
  }
  for (auto& change : changes) plan.diff.emplace_back(std::move(change));
  return true;
}

void add_run(Plan& plan, const BootParameters& run, const PlanOptions& options) {
  if (options.can_rebuild || !run.outputs.empty()) {
    plan.diff.emplace_back(run);
  } else {
    const Command command{run.command};
    plan.notes.push_back({NoteCause::parameters_stay, {{"command", command}}, {Run{command}}});
  }
}

}  // namespace

bool is_boot_setting(const FileChange& made) {
  return made.boot_parameters && made.path != grub_drop_in_path;
}

Result<void> roll_back_boot(Plan& plan, const FileReader& files, const Machine& machine,
                            const Journal& journal, const PlanOptions& options) {
  const auto& loader = machine.facts.boot_loader;
  const auto ours = machine.state.boot_parameters;
  if (ours.empty()) return {};
  const auto edit = edit_parameters(loader, {}, ours);
  if (auto given = give_back_settings(plan, files, journal, ours); !given) return given;
  if (auto stripped = strip_others(plan, files, journal, edit); !stripped) return stripped;
  const auto* run = edit && edit->run ? &*edit->run : nullptr;
  const auto restored = give_back_outputs(plan, files, journal, run);
  if (!restored) return std::unexpected(restored.error());
  if (!*restored && run != nullptr) add_run(plan, *run, options);
  plan.add(refuse_unmounted(plan, machine.facts));
  return {};
}

}  // namespace vfio_switch
