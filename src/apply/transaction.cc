// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/transaction.h"

#include <algorithm>
#include <ranges>
#include <set>

#include "core/text.h"
#include "system/initramfs_tools.h"
#include "system/state_store.h"

namespace vfio_switch {

namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Where an image waits while a new one is built.
std::string kept_name(const std::string& image) {
  return directory_of(image) + "/." + image.substr(image.rfind('/') + 1) + ".vfio-tmp";
}

std::string last_lines(const std::string& output) {
  constexpr std::ptrdiff_t shown = 8;
  const auto lines = split_lines(output);
  std::string text;
  for (const auto line : lines | std::views::drop(std::max(std::ssize(lines) - shown, 0L))) {
    text += "\n    " + printable(line);
  }
  return text;
}

}  // namespace

Result<void> Transaction::run(Journal& journal, const std::string& verb, Diff diff,
                              const State& state, bool rebuild) {
  if (auto prepared = prepare(diff, state, rebuild); !prepared) return prepared;
  if (auto kept = keep_images(diff); !kept) return kept;
  auto id = journal.begin(files_, verb, diff);
  if (!id) {
    drop_kept_images(diff);
    return failure_of(id);
  }
  auto done = carry_out(journal, *id, diff);
  if (done) done = journal.committed(files_, *id);
  if (done) {
    drop_kept_images(diff);
    return {};
  }
  auto error = std::move(done).error();
  const auto undone = undo(journal, *journal.interrupted());
  error.remedy += error.remedy.empty() ? "" : " ";
  error.remedy += undone ? "Everything was put back as it was."
                         : "Not everything could be put back (" + undone.error().message +
                               "): run 'vfio-switch " + verb + "' again once that is mended.";
  return std::unexpected(std::move(error));
}

Result<void> Transaction::prepare(Diff& diff, const State& state, bool rebuild) const {
  if (!rebuild) {
    std::erase_if(diff,
                  [](const Change& c) { return std::holds_alternative<RebuildInitramfs>(c); });
  }
  auto old_state = files_.state(state_path);
  if (!old_state) return failure_of(old_state);
  const FileState new_state = RegularFile{render_state(state), 0644, 0, 0};
  if (!same_content(*old_state, new_state)) {
    // Before the rebuilds: the initramfs hooks read the intent.
    const auto first_rebuild = std::ranges::find_if(diff, [](const Change& change) {
      return std::holds_alternative<RebuildInitramfs>(change);
    });
    diff.insert(first_rebuild, FileChange{state_path, *old_state, new_state, "remembers it"});
  }
  std::set<std::string> made;
  for (std::size_t i = 0; i < diff.size(); ++i) {
    const auto* file = std::get_if<FileChange>(&diff[i]);
    if (file == nullptr || std::holds_alternative<Absent>(file->after)) continue;
    const auto directory = directory_of(file->path);
    if (files_.exists(directory) || !made.insert(directory).second) continue;
    diff.insert(diff.begin() + static_cast<std::ptrdiff_t>(i),
                FileChange{directory, Absent{}, Directory{}, "is missing"});
    --i;  // its own directory may be missing too
  }
  return {};
}

Result<void> Transaction::keep_images(const Diff& diff) {
  for (const auto& change : diff) {
    const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
    if (rebuild == nullptr) continue;
    auto tool = find_initramfs_tool(profile_, runner_);
    if (!tool) return failure_of(tool);
    auto kept = files_.keep(rebuild->image, kept_name(rebuild->image), replaces_by_rename(*tool));
    if (kept) continue;
    drop_kept_images(diff);
    return kept;
  }
  return {};
}

void Transaction::drop_kept_images(const Diff& diff) {
  for (const auto& change : diff) {
    const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
    if (rebuild == nullptr) continue;
    // One that cannot be removed is a waste of space, and no failure of what was done.
    const auto dropped = files_.replace(kept_name(rebuild->image), Absent{});
    if (!dropped && progress_.on_tool_output) progress_.on_tool_output(dropped.error().message);
  }
}

Result<void> Transaction::carry_out(Journal& journal, int id, const Diff& diff) {
  const auto is_rebuild = [](const Change& change) {
    return std::holds_alternative<RebuildInitramfs>(change);
  };
  const auto rebuilds = static_cast<std::size_t>(std::ranges::count_if(diff, is_rebuild));
  std::size_t number = 0;
  for (std::size_t i = 0; i < diff.size(); ++i) {
    const auto* file = std::get_if<FileChange>(&diff[i]);
    if (progress_.on_change && (file == nullptr || file->path != state_path)) {
      progress_.on_change(diff[i]);
    }
    auto done = file != nullptr ? change_file(*file)
                                : rebuild(std::get<RebuildInitramfs>(diff[i]), ++number, rebuilds);
    if (done) done = journal.done(files_, id, i);
    if (!done) return done;
  }
  return {};
}

Result<void> Transaction::change_file(const FileChange& change) {
  auto now = files_.state(change.path);
  if (!now) return failure_of(now);
  if (!same_content(*now, change.before)) {
    return fail(ErrorKind::refused, change.path + " was changed by somebody else in the meantime",
                "Run the command again.");
  }
  return files_.replace(change.path, change.after);
}

Result<void> Transaction::rebuild(const RebuildInitramfs& rebuild, std::size_t number,
                                  std::size_t count) {
  auto tool = find_initramfs_tool(profile_, runner_);
  if (!tool) return failure_of(tool);
  const auto command = rebuild_command(*tool, rebuild.release);
  const auto tick = [&](std::chrono::seconds elapsed) {
    if (progress_.on_rebuild) progress_.on_rebuild(rebuild, number, count, elapsed);
  };
  tick(std::chrono::seconds(0));
  auto result = runner_.run(command, {progress_.on_tool_output, tick});
  if (!result) return failure_of(result);
  if (result->exit_status == 0) return check_ ? check_(rebuild) : Result<void>();
  return fail(command.program + " failed for kernel " + rebuild.release + " with exit status " +
              std::to_string(result->exit_status) + "; it said:" + last_lines(result->output));
}

Result<void> Transaction::undo(Journal& journal, const JournalEntry& entry) {
  Result<void> worst;
  for (const auto& change : std::views::reverse(entry.changes)) {
    auto now = files_.state(change.path);
    if (now && same_content(*now, change.before)) continue;
    if (now && !same_content(*now, change.after)) {
      worst = fail(change.path + " was changed by somebody else in the meantime");
      continue;
    }
    if (auto restored = files_.replace(change.path, change.before); !restored) worst = restored;
  }
  for (const auto& image : entry.images) {
    const auto kept = kept_name(image);
    if (!files_.exists(kept)) continue;
    if (auto restored = files_.put_back(kept, image); !restored) worst = restored;
  }
  if (!worst) return worst;
  return journal.undone(files_, entry.id);
}

Result<std::optional<std::string>> Transaction::recover(Journal& journal) {
  const auto* entry = journal.interrupted();
  if (entry == nullptr) return std::nullopt;
  const auto verb = entry->verb;
  if (auto undone = undo(journal, *entry); !undone) {
    auto error = std::move(undone).error();
    error.message = "an interrupted '" + verb + "' could not be taken back: " + error.message;
    return std::unexpected(std::move(error));
  }
  return "an interrupted '" + verb + "' was taken back";
}

}  // namespace vfio_switch
