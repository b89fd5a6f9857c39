// SPDX-License-Identifier: GPL-3.0-or-later
// How a transaction is taken back, at once or by the next run.
#include <algorithm>
#include <cerrno>
#include <ranges>

#include "apply/journalled_state.h"
#include "apply/pre_images.h"
#include "apply/tool_failure.h"
#include "apply/transaction.h"
#include "core/base/text.h"
#include "system/state/state_store.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

Result<void> Transaction::remove_unfinished(const std::string& image) {
  const auto tool = find_initramfs_tool(profile_, files_, runner_);
  if (!tool) return {};
  Result<void> worst;
  for (const auto& path : unfinished_files(*tool, image)) {
    if (auto removed = remove_if_there(path); !removed) worst = removed;
  }
  return worst;
}

Result<void> Transaction::undo_boot_run(const BootRun& run) {
  if (!run.undo.empty()) {
    auto result = runner_.run({run.undo.front(), {run.undo.begin() + 1, run.undo.end()}},
                              {progress_.on_tool_output, {}});
    if (!result) return failure_of(result);
    if (result->exit_status != 0) {
      return fail(tool_failure(join(run.undo, " ") + " failed", *result));
    }
  }
  Result<void> worst;
  for (const auto& output : run.outputs) {
    if (auto removed = remove_if_there(temporary_path(output.path)); !removed) worst = removed;
    const auto now = files_.state(output.path);
    if (now && same_content(*now, output.before)) continue;
    if (auto restored = files_.replace(output.path, output.before); !restored) worst = restored;
  }
  return worst;
}

Result<void> Transaction::put_back_image(const std::string& image) {
  Result<void> worst;
  const auto kept = kept_path(image);
  if (auto removed = remove_if_there(fresh_path(image)); !removed) worst = removed;
  if (!files_.exists(kept)) return worst;
  if (auto removed = remove_unfinished(image); !removed) worst = removed;
  if (auto restored = files_.put_back(kept, image); !restored) worst = restored;
  return worst;
}

Result<std::vector<std::string>> Transaction::undo(Journal& journal, const JournalEntry& entry) {
  std::vector<std::string> left;
  std::vector<std::string> written;
  Result<void> worst;
  for (const auto& change : std::views::reverse(entry.changes)) {
    // First: a directory of ours must be empty to go.
    if (auto removed = remove_if_there(temporary_path(change.path)); !removed) worst = removed;
    const auto now = files_.state(change.path);
    if (now && same_content(*now, change.before)) continue;
    // What has no FileState, a FIFO for one, was put there by somebody else.
    if (now ? !same_content(*now, change.after) : now.error().code == ENODEV) {
      left.push_back(change.path);
      continue;
    }
    if (!now) {
      worst = std::unexpected(now.error());
      continue;
    }
    if (auto restored = files_.replace(change.path, change.before); !restored) {
      worst = restored;
    } else if (!std::holds_alternative<Absent>(change.before)) {
      written.push_back(change.path);
    }
  }
  relabel(written);
  for (const auto& run : entry.boot_runs) {
    if (auto undone = undo_boot_run(run); !undone) worst = undone;
  }
  for (const auto& image : entry.images) {
    if (auto restored = put_back_image(image); !restored) worst = restored;
  }
  if (!worst) return failure_of(worst);
  if (auto ended = journal.undone(files_, entry.id); !ended) return failure_of(ended);
  tidy(journal);
  return left;
}

void Transaction::tidy(Journal& journal) {
  const auto tidied = [&]() -> Result<void> {
    if (auto repaired = journal.repair(files_); !repaired) return repaired;
    auto needless = journal.leftovers(files_);
    if (!needless) return failure_of(needless);
    for (const auto& path : *needless) {
      if (auto removed = files_.replace(path, Absent{}); !removed) return removed;
    }
    // Last: what is left over is known by the journal.
    return journal.is_to_forget() ? journal.clear(files_) : Result<void>();
  }();
  if (!tidied && progress_.on_recovery) {
    progress_.on_recovery("warning: " + tidied.error().message + "; the next run tries again");
  }
}

std::string Transaction::what_ended(const Journal& journal) const {
  if (journal.is_torn()) return "an interrupted change had not begun";
  const auto* last = journal.last();
  const auto leftovers = journal.leftovers(files_);
  const bool of_last = leftovers && std::ranges::none_of(*leftovers, [](const std::string& path) {
                         return is_pre_image(path) || path == temporary_path(images_path);
                       });
  if (last == nullptr || !of_last) return "what an interrupted run left behind was removed";
  return "an interrupted '" + last->verb + "' was " +
         (last->end == JournalEntry::End::undone ? "taken back" : "finished");
}

Result<std::optional<std::string>> Transaction::recover(Journal& journal) {
  if (!needs_recovery(files_, journal)) return std::nullopt;
  const auto* entry = journal.interrupted();
  if (entry == nullptr) {
    auto ended = what_ended(journal);
    tidy(journal);
    return ended;
  }
  const auto verb = entry->verb;
  const auto left = undo(journal, *entry);
  if (!left) {
    auto error = left.error();
    error.message = "an interrupted '" + verb + "' could not be taken back: " + error.message;
    return std::unexpected(std::move(error));
  }
  return "an interrupted '" + verb + "' was taken back" +
         (left->empty() ? "" : "; " + enumerate(*left) + ", changed since, is left as it is");
}

bool needs_recovery(const FileReader& files, const Journal& journal) {
  if (journal.interrupted() != nullptr || journal.is_torn() || journal.is_to_forget()) return true;
  const auto leftovers = journal.leftovers(files);
  return leftovers && !leftovers->empty();
}

}  // namespace vfio_switch
