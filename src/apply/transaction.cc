// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/transaction.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "apply/journalled_state.h"
#include "apply/restored.h"
#include "apply/tool_failure.h"
#include "core/base/text.h"
#include "core/boot/parameter_edit.h"
#include "core/files/own_paths.h"
#include "system/process/process.h"
#include "system/state/state_store.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// What is remembered of a command for the next installation; nothing of one that is no answer.
std::optional<FileState> answer_of(const std::string& verb) {
  if (verb == "enable") return Absent{};
  if (verb == "disable" || verb == "rollback") return RegularFile{verb + "\n", 0644, 0, 0};
  return std::nullopt;
}

}  // namespace

Result<void> Transaction::run(Journal& journal, Task task) {
  if (is_interrupted()) return interrupted_error();
  if (auto prepared = prepare(task); !prepared) return prepared;
  const auto& diff = task.diff;
  const auto places = choose_places(diff);
  if (!places) return std::unexpected(places.error());
  if (auto removed = remove_if_there(builder_path()); !removed) return removed;
  for (const auto& [image, as, in_place] : *places) {
    // Of an earlier transaction, whose journal is lost: an undo must not take it for this one's.
    if (auto removed = remove_if_there(as); !removed) return removed;
  }
  const auto id = journal.begin(files_, task.verb, diff, task.forgets);
  if (!id) return std::unexpected(id.error());
  auto done = keep_images(journal, *id, *places);
  if (done) done = carry_out(journal, *id, diff);
  if (done) done = journal.committed(files_, *id);
  if (done) {
    recovery_.tidy(journal);
    return {};
  }
  auto error = std::move(done).error();
  const auto restored = count_restored(files_, *journal.interrupted()).str();
  const auto left = recovery_.undo(journal, *journal.interrupted(), Recovery::Run::this_one);
  error.remedy += error.remedy.empty() ? "" : " ";
  if (!left) {
    error.remedy += "Not all changes could be undone (" + left.error().message +
                    "). Fix that, then run 'vfio-switch " + task.verb + "' again.";
  } else if (!left->empty()) {
    error.remedy += "All changes were undone, except for " + enumerate(*left) +
                    ", which another program has changed.";
  } else if (restored.empty()) {
    error.remedy += "Nothing was changed.";
  } else {
    error.remedy += "All changes were undone: " + restored + ".";
  }
  return std::unexpected(std::move(error));
}

Result<void> Transaction::prepare(Task& task) const {
  auto& diff = task.diff;
  const auto& state = task.state;
  if (!task.rebuild) {
    std::erase_if(diff,
                  [](const Change& c) { return std::holds_alternative<RebuildInitramfs>(c); });
  }
  auto old_state = files_.state(state_path);
  if (!old_state) return failure_of(old_state);
  if (!std::holds_alternative<Absent>(*old_state) &&
      !std::holds_alternative<RegularFile>(*old_state)) {
    return fail(state_path + " is not a regular file", "Remove it, then try again.");
  }
  FileState new_state = Absent{};
  if (state.intent != Intent::unset) new_state = RegularFile{render_state(state), 0644, 0, 0};
  if (!same_content(*old_state, new_state)) {
    // Before the rebuilds: the initramfs hooks read the intent.
    const auto first_rebuild = std::ranges::find_if(diff, [](const Change& change) {
      return std::holds_alternative<RebuildInitramfs>(change);
    });
    diff.insert(first_rebuild,
                FileChange{state_path, *old_state, new_state, ReasonCause::remembered});
  }
  if (auto told = tell_hooks(diff, state); !told) return told;
  // What stands there and is no such note keeps nobody from anything.
  auto answer = files_.state(declined_path);
  const bool is_note = answer && (std::holds_alternative<Absent>(*answer) ||
                                  std::holds_alternative<RegularFile>(*answer));
  if (auto noted = answer_of(task.verb); is_note && noted && !same_content(*answer, *noted)) {
    diff.insert(diff.begin(), FileChange{declined_path, *answer, *noted, ReasonCause::remembered});
  }
  std::set<std::string> made;
  for (std::size_t i = 0; i < diff.size(); ++i) {
    const auto* file = std::get_if<FileChange>(&diff[i]);
    if (file == nullptr || std::holds_alternative<Absent>(file->after)) continue;
    const auto directory = directory_of(file->path);
    if (files_.exists(directory) || !made.insert(directory).second) continue;
    diff.insert(diff.begin() + static_cast<std::ptrdiff_t>(i),
                FileChange{directory, Absent{}, Directory{}, ReasonCause::directory_missing});
    --i;  // its own directory may be missing too
  }
  return {};
}

Result<void> Transaction::tell_hooks(Diff& diff, const State& state) const {
  auto before = files_.state(hook_facts_path);
  const bool is_note = before && (std::holds_alternative<Absent>(*before) ||
                                  std::holds_alternative<RegularFile>(*before));
  if (!is_note && state.intent != Intent::enabled) return {};  // it tells nobody to take the card
  if (!before) return failure_of(before);
  auto override_file = files_.state(std::string(override_path));
  if (!override_file) return failure_of(override_file);
  for (const auto& change : diff) {
    const auto* file = std::get_if<FileChange>(&change);
    if (file != nullptr && file->path == override_path) *override_file = file->after;
  }
  FileState after = Absent{};
  if (state.intent != Intent::unset) {
    const auto* entries = std::get_if<RegularFile>(&*override_file);
    after =
        RegularFile{render_hook_facts(state.intent, entries ? entries->content : ""), 0644, 0, 0};
  }
  if (same_content(*before, after)) return {};
  const auto first_rebuild = std::ranges::find_if(
      diff, [](const Change& change) { return std::holds_alternative<RebuildInitramfs>(change); });
  diff.insert(first_rebuild, FileChange{hook_facts_path, *before, after, ReasonCause::remembered});
  return {};
}

Result<void> Transaction::remove_if_there(const std::string& path) {
  auto status = files_.status(path);
  if (!status) return failure_of(status);
  if (!*status) return {};
  return files_.replace(path, Absent{});
}

Result<std::vector<KeptImage>> Transaction::choose_places(const Diff& diff) const {
  std::vector<KeptImage> images;
  std::vector<KeptImage> copies;  // nowhere but in our own directory: see Journal
  std::uint64_t of_copies = 0;
  std::uint64_t copied = 0;  // bytes of those that are no second name
  std::uint64_t largest = 0;
  for (const auto& change : diff) {
    const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
    if (rebuild == nullptr) continue;
    auto tool = find_initramfs_tool(profile_, files_, runner_);
    if (!tool) return failure_of(tool);
    const auto build = plan_build(*tool, files_, rebuild->release, rebuild->image);
    if (!build) return std::unexpected(build.error());
    if (build->for_new_deployment) continue;
    const auto status = files_.status(rebuild->image);
    if (!status) return std::unexpected(status.error());
    const auto size = *status ? (*status)->size : 0;
    const bool in_place = !build->replaces_by_rename(rebuild->image);
    if (in_place) copied += size;
    if (!in_place) largest = std::max(largest, size);
    images.push_back({rebuild->image, kept_path(rebuild->image), in_place});
    for (const auto& copy : rebuild->copies) {
      const auto there = files_.status(copy);
      if (!there) return std::unexpected(there.error());
      if (!*there || (*there)->kind != FileKind::regular || files_.read_link(copy)) continue;
      of_copies += (*there)->size;
      copies.push_back({copy, kept_path_elsewhere(copy), true});
    }
  }
  if (images.empty()) return images;
  const auto free = files_.free_space(images.front().image);
  if (!free) return std::unexpected(free.error());
  const auto mebibytes = [](std::uint64_t bytes) {
    return std::to_string((bytes + (1U << 20U) - 1) >> 20U) + " MiB";
  };
  const auto refuse = [&](const std::string& directory, std::uint64_t has,
                          const std::string& needs) {
    return fail(
        ErrorKind::refused,
        "no-space: " + directory + " has " + mebibytes(has) + " free, and " + needs,
        "Nothing was changed. Free some space there, for example by removing old kernels, and try "
        "again.");
  };
  const std::string building = "building its images needs ";
  const auto boot = directory_of(images.front().image);
  if (*free < largest) return refuse(boot, *free, building + mebibytes(largest));
  // What is kept alone may lie elsewhere: a tool's own temporary file is beside the image.
  const bool beside = *free - largest >= copied;
  const auto elsewhere = of_copies + (beside ? 0 : copied);
  if (elsewhere > 0) {
    const auto room = files_.free_space(state_path);
    if (!room) return std::unexpected(room.error());
    if (*room < of_copies) {
      return refuse(state_directory, *room,
                    "keeping what boots until it is built needs " + mebibytes(of_copies));
    }
    if (*room < elsewhere) {
      return refuse(boot, *free,
                    building + mebibytes(largest + copied) + ", of which " + mebibytes(copied) +
                        " would not fit into " + state_directory + " either");
    }
  }
  for (auto& image : images) {
    if (image.in_place && !beside) image.as = kept_path_elsewhere(image.image);
  }
  images.insert(images.end(), copies.begin(), copies.end());
  return images;
}

Result<void> Transaction::keep_images(Journal& journal, int id,
                                      const std::vector<KeptImage>& images) {
  if (images.empty()) return {};
  for (const auto& [image, as, in_place] : images) {
    const auto directory = directory_of(as);
    if (!files_.exists(directory)) {
      if (auto made = files_.replace(directory, Directory{0700, 0, 0}); !made) return made;
    }
    if (auto kept = files_.keep(image, as, !in_place); !kept) return kept;
  }
  return journal.kept(files_, id, images);
}

Result<void> Transaction::carry_out(Journal& journal, int id, const Diff& diff) {
  const auto is_rebuild = [](const Change& change) {
    return std::holds_alternative<RebuildInitramfs>(change);
  };
  const auto rebuilds = static_cast<std::size_t>(std::ranges::count_if(diff, is_rebuild));
  std::size_t number = 0;
  std::size_t boot_runs = 0;
  std::vector<std::string> written;
  for (std::size_t i = 0; i < diff.size(); ++i) {
    if (is_interrupted()) return interrupted_error();
    const auto* file = std::get_if<FileChange>(&diff[i]);
    const auto* boot = std::get_if<BootParameters>(&diff[i]);
    if (file == nullptr) recovery_.relabel(std::exchange(written, {}));
    if (progress_.on_change && (file == nullptr || !is_remembered(file->path))) {
      progress_.on_change(diff[i]);
    }
    Result<void> done;
    if (file != nullptr) {
      done = change_file(*file);
    } else if (boot != nullptr) {
      done = set_parameters(journal, id, *boot, boot_runs++);
    } else {
      done = rebuild(std::get<RebuildInitramfs>(diff[i]), ++number, rebuilds);
    }
    if (done) done = journal.done(files_, id, i);
    if (!done) return done;
    if (file != nullptr && !std::holds_alternative<Absent>(file->after)) {
      written.push_back(file->path);
    }
  }
  recovery_.relabel(written);
  if (is_interrupted()) return interrupted_error();
  return {};
}

Result<void> Transaction::change_file(const FileChange& change) {
  auto now = files_.state(change.path);
  if (!now) return failure_of(now);
  if (!same_content(*now, change.before)) {
    return fail(ErrorKind::refused, change.path + " was changed by another program in the meantime",
                "Run the command again.");
  }
  return files_.replace(change.path, change.after);
}

Result<void> Transaction::set_parameters(Journal& journal, int id, const BootParameters& boot,
                                         std::size_t number) {
  const Invocation command{boot.command.front(), {boot.command.begin() + 1, boot.command.end()}};
  if (auto noted = note_builder(files_, Builder::at_work); !noted) return noted;
  auto result = runner_.run(command, {progress_.on_tool_output, {}});
  if (auto noted = note_builder(files_, Builder::ended); !noted) return noted;
  if (!result) return failure_of(result);
  if (is_interrupted()) return interrupted_error();
  if (result->exit_status != 0) {
    return fail(tool_failure(command.program + " failed", *result));
  }
  for (const auto& path : boot.outputs) {
    auto content = files_.read(path);
    if (!content) return failure_of(content);
    for (const auto& parameter : boot.parameters) {
      if (!*content || output_has(path, **content, parameter)) continue;
      return fail(
          command.program + " wrote " + path + " without " + parameter,
          "Look for a setting of the boot loader that overrides it, and add the parameter there.");
    }
  }
  return journal.written(files_, id, number);
}

Result<void> Transaction::rebuild(const RebuildInitramfs& rebuild, std::size_t number,
                                  std::size_t count) {
  auto tool = find_initramfs_tool(profile_, files_, runner_);
  if (!tool) return failure_of(tool);
  const auto build = plan_build(*tool, files_, rebuild.release, rebuild.image);
  if (!build) return std::unexpected(build.error());
  if (build->written != rebuild.image) {
    if (auto removed = remove_if_there(build->written); !removed) return removed;
  }
  if (auto noted = note_builder(files_, Builder::at_work); !noted) return noted;
  const auto tick = [&](std::chrono::seconds elapsed) {
    if (elapsed.count() > 0) (void)note_builder(files_, Builder::at_work);
    if (progress_.on_rebuild) progress_.on_rebuild(rebuild, number, count, elapsed);
  };
  tick(std::chrono::seconds(0));
  auto result = runner_.run(build->command, {progress_.on_tool_output, tick});
  if (progress_.on_rebuilt) progress_.on_rebuilt();
  if (auto noted = note_builder(files_, Builder::ended); !noted) return noted;
  if (!result) return failure_of(result);
  if (is_interrupted()) return interrupted_error();
  if (result->exit_status == 0) return take_image(*build, rebuild);
  return fail(
      tool_failure(build->command.program + " failed for kernel " + printable(rebuild.release),
                   *result),
      std::string(fix_and_repeat));
}

Result<void> Transaction::take_image(const ImageBuild& build, const RebuildInitramfs& rebuild) {
  if (build.for_new_deployment) {
    if (progress_.on_recovery) {
      progress_.on_recovery(
          "the image belongs to the next deployment and was not checked; run 'vfio-switch status' "
          "after the reboot");
    }
    return {};
  }
  if (build.written != rebuild.image) {
    if (!files_.exists(build.written))
      return fail(build.command.program + " did not write an image");
    if (auto placed = files_.put_back(build.written, rebuild.image); !placed) return placed;
  }
  return check_ ? check_(rebuild) : Result<void>();
}

}  // namespace vfio_switch
