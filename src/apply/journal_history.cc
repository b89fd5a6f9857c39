// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include "apply/journal.h"
#include "apply/journalled_state.h"
#include "core/binding/generated_files.h"
#include "core/files/seal.h"

namespace vfio_switch {

namespace {

/// True if what a change found there was written by somebody else since the change before it left
/// `ours`. An absence, or an output of ours that is as it was written, is nobody's work.
bool is_somebody_elses(const FileState& found, const FileState& ours) {
  if (same_content(found, ours) || std::holds_alternative<Absent>(found)) return false;
  const auto* file = std::get_if<RegularFile>(&found);
  return file == nullptr || !is_unmodified(file->content);
}

/// Adds what `change` did to what is known of its path.
void add_change(std::vector<FileChange>& changes, const FileChange& change) {
  const auto known = std::ranges::find(changes, change.path, &FileChange::path);
  if (known == changes.end()) {
    changes.push_back(change);
    return;
  }
  if (is_somebody_elses(change.before, known->after)) known->before = change.before;
  known->after = change.after;
}

/// A tool that read our change may have written the file anew, in a form of its own: that is as
/// much our doing. What else it wrote anew is not.
void add_outputs(std::vector<FileChange>& changes, const JournalEntry& entry) {
  for (const auto& run : entry.boot_runs) {
    if (!run.is_done) continue;
    for (const auto& output : run.outputs) {
      const auto known = std::ranges::find(changes, output.path, &FileChange::path);
      if (known == changes.end()) continue;
      const bool changed =
          std::ranges::find(entry.changes, output.path, &FileChange::path) != entry.changes.end();
      if (changed || same_content(output.before, known->after)) known->after = output.after;
    }
  }
}

}  // namespace

std::vector<FileChange> Journal::changed_paths() const {
  std::vector<FileChange> changes;
  for (const auto& entry : entries_) {
    if (entry.end != JournalEntry::End::committed) continue;
    if (entry.forgets) {
      changes.clear();
      continue;
    }
    for (const auto& change : entry.changes) add_change(changes, change);
    add_outputs(changes, entry);
  }
  return changes;
}

std::vector<FileChange> Journal::boot_outputs() const {
  std::vector<FileChange> outputs;
  std::set<std::string> broken;
  for (const auto& entry : entries_) {
    if (entry.end != JournalEntry::End::committed) continue;
    if (entry.forgets) {
      outputs.clear();
      broken.clear();
      continue;
    }
    for (const auto& run : entry.boot_runs) {
      for (const auto& output : run.outputs) {
        const auto known = std::ranges::find(outputs, output.path, &FileChange::path);
        if (known == outputs.end()) {
          outputs.push_back(output);
        } else {
          if (!same_content(output.before, known->after)) broken.insert(output.path);
          known->after = output.after;
        }
      }
    }
  }
  std::erase_if(outputs, [&](const FileChange& one) { return broken.contains(one.path); });
  return outputs;
}

std::vector<std::string> Journal::images() const {
  std::set<std::string> images;
  for (const auto& entry : entries_) images.insert(entry.images.begin(), entry.images.end());
  return {images.begin(), images.end()};
}

std::vector<std::vector<std::string>> Journal::boot_undo() const {
  std::vector<std::vector<std::string>> commands;
  for (const auto& entry : entries_) {
    if (entry.end != JournalEntry::End::committed) continue;
    if (entry.forgets) {
      commands.clear();
      continue;
    }
    for (const auto& run : entry.boot_runs) {
      if (run.is_done && !run.undo.empty()) commands.insert(commands.begin(), run.undo);
    }
  }
  return commands;
}

}  // namespace vfio_switch
