// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/boot_rollback.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include "apply/journalled_state.h"
#include "core/binding/generated_files.h"
#include "core/boot/entry_tool.h"
#include "core/boot/grub_settings.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_file.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

/// Takes our parameters out of what stands at `path` now; nothing where they are not in it.
std::optional<FileChange> strip(const std::string& path, const FileState& now,
                                const Parameters& ours) {
  auto after = without_ours(path, now, ours);
  if (same_content(now, after)) return std::nullopt;
  if (auto* file = std::get_if<RegularFile>(&after)) file->modified = 0;
  return FileChange{path, now, std::move(after), ReasonCause::parameters_stripped, true};
}

/// The settings that the journal tells of.
Result<std::vector<FileChange>> give_back_settings(const FileReader& files, const Journal& journal,
                                                   const Parameters& ours) {
  std::vector<FileChange> found;
  const auto changes = journal.changed_paths();
  for (const auto& made : std::views::reverse(changes)) {
    if (!is_boot_setting(made)) continue;
    const auto now = files.state(made.path);
    if (!now) return std::unexpected(now.error());
    const auto before = without_ours(made.path, made.before, ours);
    // A boot entry goes with its kernel: it stays away.
    if (std::holds_alternative<Absent>(*now) || same_content(*now, before)) continue;
    if (same_content(*now, made.after)) {
      found.push_back({made.path, *now, before, ReasonCause::restored, true});
    } else if (auto stripped = strip(made.path, *now, ours)) {
      found.push_back(std::move(*stripped));
    }
  }
  return found;
}

/// True where a build in `planned` writes the boot loader's entries anew, from their settings.
bool comes_with_build(const Diff& planned, const SystemFacts& facts) {
  return rewrites_entries(facts.entry_tool) &&
         std::ranges::any_of(planned, [](const Change& change) {
           return std::holds_alternative<RebuildInitramfs>(change);
         });
}

bool changes_file(const Diff& diff, const std::string& path) {
  return std::ranges::any_of(diff, [&](const Change& change) {
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
Result<std::vector<FileChange>> strip_others(const FileReader& files, const Journal& journal,
                                             const ParameterEdit& edit) {
  const auto since = time_of_change(files, journal);
  if (!since) return std::unexpected(since.error());
  std::vector<FileChange> changes;
  for (const auto& change : edit.files) {
    const auto* before = std::get_if<RegularFile>(&change.before);
    const bool older = *since && before != nullptr && before->modified < **since;
    if (!older) changes.push_back(change);
  }
  return changes;
}

/// What the boot loader's tool wrote; nothing unless all that `run` would write gets back the bytes
/// that it had.
Result<std::optional<std::vector<FileChange>>> give_back_outputs(const FileReader& files,
                                                                 const Journal& journal,
                                                                 const BootParameters* run) {
  const auto written = journal.boot_outputs();
  const auto knows = [&](const std::string& path) {
    return std::ranges::find(written, path, &FileChange::path) != written.end();
  };
  if (run != nullptr && (run->outputs.empty() || !std::ranges::all_of(run->outputs, knows))) {
    return std::nullopt;
  }
  std::vector<FileChange> changes;
  for (const auto& made : written) {
    const auto now = files.state(made.path);
    if (!now) return std::unexpected(now.error());
    if (!same_content(*now, made.after)) return std::nullopt;
    if (same_content(*now, made.before)) continue;
    changes.push_back({made.path, *now, made.before, ReasonCause::restored, true});
  }
  return changes;
}

PlanPart run_tool(const BootParameters& run, const PlanOptions& options) {
  if (options.can_rebuild || !run.outputs.empty()) return {.diff = {run}};
  const Command command{run.command};
  return {.notes = {{NoteCause::parameters_stay, {{"command", command}}, {Run{command}}}}};
}

}  // namespace

FileState without_ours(const std::string& path, const FileState& state, const Parameters& ours) {
  const auto* file = std::get_if<RegularFile>(&state);
  if (file == nullptr) return state;
  auto rest = *file;
  rest.content = without_parameters(syntax_of(path), file->content, ours);
  return rest;
}

bool is_boot_setting(const FileChange& made) {
  return made.boot_parameters && !is_boot_drop_in(made.path);
}

Result<BootRollback> roll_back_boot(const Diff& planned, const FileReader& files,
                                    const Machine& machine, const Journal& journal,
                                    const PlanOptions& options) {
  BootRollback part;
  const auto ours = machine.state.boot_parameters;
  if (ours.empty()) return part;
  const auto is_known = [&](const FileChange& change) {
    return changes_file(planned, change.path) ||
           std::ranges::find(part.settings, change.path, &FileChange::path) != part.settings.end();
  };
  auto settings = give_back_settings(files, journal, ours);
  if (!settings) return failure_of(settings);
  part.settings = std::move(*settings);
  const auto edit = edit_parameters(machine.facts.boot_loader, {}, ours);
  if (edit) {
    auto others = strip_others(files, journal, *edit);
    if (!others) return failure_of(others);
    for (const auto& change : *others) {
      if (!is_known(change)) part.settings.push_back(change);
    }
  } else {
    const auto& [reason, remedy] = edit.error();
    part.notes.push_back({NoteCause::parameters_not_removed, {{"reason", reason}}, remedy});
  }
  const auto* run = edit && edit->run ? &*edit->run : nullptr;
  auto outputs = give_back_outputs(files, journal, run);
  if (!outputs) return failure_of(outputs);
  if (*outputs && !comes_with_build(planned, machine.facts)) {
    for (const auto& change : **outputs) {
      // Hooks of the builds, like kernelstub's, write some of it from the settings.
      if (!is_known(change)) part.settings.push_back(change);
    }
  } else if (run != nullptr) {
    part.add(run_tool(*run, options));
  }
  return part;
}

}  // namespace vfio_switch
