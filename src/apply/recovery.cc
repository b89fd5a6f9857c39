// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/recovery.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ranges>

#include "apply/journalled_state.h"
#include "apply/pre_images.h"
#include "apply/tool_failure.h"
#include "core/base/text.h"
#include "core/boot/mounts.h"
#include "system/files/best_effort.h"
#include "system/state/state_store.h"
#include "system/tools/plain_build.h"

namespace vfio_switch {

namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// What the journal of 0.1.0 does not say.
std::vector<KeptImage> kept_images(const JournalEntry& entry) {
  if (entry.is_kept) return entry.kept;
  std::vector<KeptImage> images;
  for (const auto& image : entry.images) {
    images.push_back({image, kept_path(image), false});
    images.push_back({image, kept_path_elsewhere(image), false});
  }
  for (const auto& copy : entry.copies) images.push_back({copy, kept_path_elsewhere(copy), true});
  return images;
}

}  // namespace

Result<void> Recovery::remove_if_there(const std::string& path) {
  auto status = files_.status(path);
  if (!status) return failure_of(status);
  if (!*status) return {};
  return files_.replace(path, Absent{});
}

Result<void> Recovery::remove_unfinished(const std::string& image) {
  if (!runner_.has("update-initramfs")) return {};
  Result<void> worst;
  for (const auto& path : unfinished_files(image)) {
    if (auto removed = remove_if_there(path); !removed) worst = removed;
  }
  return worst;
}

Result<void> Recovery::undo_boot_run(const BootRun& run) {
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
    if (now && run.is_done && !same_content(*now, output.after)) continue;  // somebody else's since
    if (auto restored = files_.replace(output.path, output.before); !restored) worst = restored;
  }
  return worst;
}

Result<void> Recovery::copy_again(const JournalEntry& entry) {
  for (const auto& command : entry.copy_commands) {
    auto result = runner_.run({command.front(), {command.begin() + 1, command.end()}},
                              {progress_.on_tool_output, {}});
    if (!result) return failure_of(result);
    if (result->exit_status == 0) continue;
    return fail(tool_failure(
        join(command, " ") + " failed, so the boot loader may still have the new image", *result));
  }
  return {};
}

bool Recovery::is_rebuilt_since(const KeptImage& kept) const {
  const auto image = files_.status(kept.image);
  const auto builder = files_.status(builder_path());
  if (!image || !*image || !builder || !*builder) return false;
  // A builder of ours that wrote into the image may have lived on for a while, without us.
  constexpr std::int64_t second = 1'000'000'000;
  const auto slack = kept.in_place ? 600 * second : 3 * second;
  return (*image)->modified > (*builder)->modified + slack;
}

Result<void> Recovery::check_mounted(const KeptImage& kept) const {
  const auto directory = directory_of(kept.image);
  if (directory_of(kept.as) == directory && files_.exists(kept.as)) return {};
  std::string place;
  if (files_.is_running_system()) {
    for (const auto& unmounted : unmounted_boot_paths(text_of(files_, "/etc/fstab"),
                                                      text_of(files_, "/proc/self/mountinfo"))) {
      if (kept.image.starts_with(unmounted + "/")) place = unmounted;
    }
  }
  // Where a file system is mounted, nothing is seen while it is not.
  const auto names = files_.list(directory);
  if (place.empty() && names && names->empty()) place = directory;
  if (place.empty()) return {};
  return fail(printable(kept.image) + " must be restored, but " + printable(place) +
                  " is empty or not mounted",
              "Mount it, then run the command again. The saved copy is still there.");
}

Result<void> Recovery::put_back_image(const KeptImage& kept, ImageNow now) {
  Result<void> worst;
  if (auto removed = remove_if_there(fresh_path(kept.image)); !removed) worst = removed;
  if (!files_.exists(kept.as)) return worst;
  if (now != ImageNow::ours) {
    if (auto removed = remove_if_there(kept.as); !removed) worst = removed;
    return worst;
  }
  if (auto removed = remove_unfinished(kept.image); !removed) worst = removed;
  if (auto restored = files_.put_back(kept.as, kept.image); !restored) worst = restored;
  return worst;
}

Result<void> Recovery::undo_files(const JournalEntry& entry, std::vector<std::string>& left) {
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
  return worst;
}

Result<void> Recovery::undo_images(const JournalEntry& entry, Run run, bool is_untouched,
                                   std::vector<std::string>& left) {
  Result<void> worst;
  for (const auto& kept : kept_images(entry)) {
    if (auto mounted = check_mounted(kept); !mounted) {
      worst = mounted;
      continue;
    }
    auto now = is_untouched ? ImageNow::untouched : ImageNow::ours;
    const bool is_earlier = run == Run::earlier && files_.exists(kept.as);
    if (is_earlier && !is_untouched && is_rebuilt_since(kept)) {
      now = ImageNow::somebody_elses;
      left.push_back(kept.image);
    }
    if (auto restored = put_back_image(kept, now); !restored) worst = restored;
  }
  return worst;
}

Result<std::vector<std::string>> Recovery::undo(Journal& journal, const JournalEntry& entry,
                                                Run run) {
  std::vector<std::string> left;
  auto worst = undo_files(entry, left);
  for (const auto& tool_run : entry.boot_runs) {
    if (auto undone = undo_boot_run(tool_run); !undone) worst = undone;
  }
  // Without it no tool was started since the images were kept.
  const bool is_untouched = entry.is_kept && !files_.exists(builder_path());
  if (auto images = undo_images(entry, run, is_untouched, left); !images) worst = images;
  if (worst && !is_untouched) worst = copy_again(entry);
  if (!worst) return failure_of(worst);
  if (auto ended = journal.undone(files_, entry.id); !ended) return failure_of(ended);
  tidy(journal);
  return left;
}

void Recovery::tidy(Journal& journal) {
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

std::string Recovery::what_ended(const Journal& journal) const {
  if (journal.is_torn()) return "an interrupted change had not begun";
  const auto* last = journal.last();
  const auto leftovers = journal.leftovers(files_);
  const bool of_last = leftovers && std::ranges::none_of(*leftovers, [](const std::string& path) {
                         return is_pre_image(path) || path == temporary_path(images_path);
                       });
  if (last == nullptr || !of_last) return "what an interrupted run left behind was removed";
  return "an interrupted '" + last->verb + "' was " +
         (last->end == JournalEntry::End::undone ? "undone" : "finished");
}

Result<std::optional<std::string>> Recovery::recover(Journal& journal) {
  if (!needs_recovery(files_, journal)) return std::nullopt;
  const auto* entry = journal.interrupted();
  if (entry == nullptr) {
    auto ended = what_ended(journal);
    tidy(journal);
    return ended;
  }
  const auto verb = entry->verb;
  const auto left = undo(journal, *entry, Run::earlier);
  if (!left) {
    auto error = left.error();
    error.message = "an interrupted '" + verb + "' could not be undone: " + error.message;
    return std::unexpected(std::move(error));
  }
  return "an interrupted '" + verb + "' was undone" +
         (left->empty()
              ? ""
              : "; not restored, because it was changed by another program: " + enumerate(*left));
}

void Recovery::relabel(const std::vector<std::string>& paths) {
  constexpr auto tool = "restorecon";
  if (paths.empty() || !files_.is_running_system() || !runner_.has(tool)) return;
  const auto result = runner_.run({tool, paths}, {progress_.on_tool_output, {}});
  if (result && result->exit_status == 0) return;
  if (progress_.on_recovery) {
    progress_.on_recovery("warning: restorecon could not label " + enumerate(paths));
  }
}

bool needs_recovery(const FileReader& files, const Journal& journal) {
  if (journal.interrupted() != nullptr || journal.is_torn() || journal.is_to_forget()) return true;
  const auto leftovers = journal.leftovers(files);
  return leftovers && !leftovers->empty();
}

}  // namespace vfio_switch
