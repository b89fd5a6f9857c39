// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/restored.h"

#include <algorithm>
#include <vector>

#include "apply/journalled_state.h"
#include "core/base/text.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

bool is_changed(const FileReader& files, const FileChange& change) {
  if (is_remembered(change.path) || std::holds_alternative<Directory>(change.after)) return false;
  const auto now = files.state(change.path);
  return now && !same_content(*now, change.before);
}

std::string counted(std::size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

Restored count_restored(const FileReader& files, const JournalEntry& entry) {
  Restored restored;
  const auto count = [&](const std::vector<FileChange>& changes) {
    restored.files += static_cast<std::size_t>(std::ranges::count_if(
        changes, [&](const FileChange& change) { return is_changed(files, change); }));
  };
  count(entry.changes);
  for (const auto& run : entry.boot_runs) count(run.outputs);
  for (const auto& kept : entry.kept) {
    if (!files.exists(kept.as)) continue;
    // Its copies are a kernel, an image, or what the boot loader reads.
    const auto& copies = entry.copies;
    const bool is_copy = std::ranges::find(copies, kept.image) != copies.end();
    ++(is_copy ? restored.files : restored.images);
  }
  return restored;
}

std::string Restored::str() const {
  std::vector<std::string> parts;
  if (files > 0) parts.push_back(counted(files, "file"));
  if (images > 0) parts.push_back(counted(images, "image"));
  return parts.empty() ? "" : join(parts, ", ") + " restored";
}

}  // namespace vfio_switch
