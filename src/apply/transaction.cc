// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/transaction.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "apply/journalled_state.h"
#include "apply/kept_images.h"
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
  auto places = choose_places(files_, runner_, profile_, diff);
  if (!places) return std::unexpected(places.error());
  if (auto removed = remove_if_there(builder_path()); !removed) return removed;
  for (const auto& [image, as, in_place] : *places) {
    // Of an earlier transaction, whose journal is lost: an undo must not take it for this one's.
    if (auto removed = remove_if_there(as); !removed) return removed;
  }
  const auto id = journal.begin(files_, task.verb, diff, task.forgets);
  if (!id) return std::unexpected(id.error());
  auto done = keep_images(files_, *places);
  if (done && !places->empty()) done = journal.kept(files_, *id, *places);
  kept_ = std::move(*places);
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
    after = RegularFile{render_hook_facts(state.intent, entries != nullptr ? entries->content : ""),
                        0644, 0, 0};
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
  return number + boot_runs > 0 && check_menu_ ? check_menu_() : Result<void>();
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

Result<CommandResult> Transaction::run_tool(const Invocation& command, const Tick& tick) {
  const auto at_work = [&](std::chrono::seconds elapsed) {
    auto noted = note_builder(files_, Builder::at_work);
    if (tick) tick(elapsed);
    return noted;
  };
  if (auto noted = at_work(std::chrono::seconds(0)); !noted) return failure_of(noted);
  auto result = runner_.run(command, {progress_.on_tool_output, [&](std::chrono::seconds elapsed) {
                                        (void)at_work(elapsed);
                                      }});
  if (auto noted = note_builder(files_, Builder::ended); !noted) return failure_of(noted);
  if (result && is_interrupted()) return interrupted_error();
  return result;
}

Result<void> Transaction::set_parameters(Journal& journal, int id, const BootParameters& boot,
                                         std::size_t number) {
  std::vector<std::optional<std::string>> before;
  for (const auto& path : boot.outputs) {
    auto content = files_.read(path);
    if (!content) return failure_of(content);
    before.push_back(std::move(*content));
  }
  const Invocation command{boot.command.front(), {boot.command.begin() + 1, boot.command.end()}};
  auto result = run_tool(command);
  if (!result) return failure_of(result);
  if (result->exit_status != 0) {
    return fail(tool_failure(command.program + " failed", *result));
  }
  if (auto checked = check_outputs(boot, before); !checked) return checked;
  return journal.written(files_, id, number);
}

Result<void> Transaction::check_outputs(
    const BootParameters& boot, const std::vector<std::optional<std::string>>& before) const {
  for (const auto& parameter : boot.parameters) {
    bool any_has = false;
    std::optional<std::string> lacking;
    std::optional<std::string> untouched;
    for (std::size_t i = 0; i < boot.outputs.size(); ++i) {
      const auto& path = boot.outputs[i];
      auto content = files_.read(path);
      if (!content) return failure_of(content);
      if (!*content || !tells_parameters(path, **content)) continue;
      if (output_has(path, **content, parameter)) {
        any_has = true;
      } else {
        // What it did not write may be somebody's own.
        (before[i] == *content ? untouched : lacking) = path;
      }
    }
    if (!any_has && !lacking) lacking = untouched;
    if (!lacking) continue;
    return fail(
        boot.command.front() + " wrote " + *lacking + " without " + parameter,
        "Look for a setting of the boot loader that overrides it, and add the parameter there.");
  }
  return {};
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
  auto result = run_tool(build->command, [&](std::chrono::seconds elapsed) {
    if (progress_.on_rebuild) progress_.on_rebuild(rebuild, number, count, elapsed);
  });
  if (progress_.on_rebuilt) progress_.on_rebuilt();
  if (!result) return failure_of(result);
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
  return check_copy(rebuild);
}

Result<void> Transaction::check_copy(const RebuildInitramfs& rebuild) {
  if (!check_) return {};
  auto boots = check_(rebuild);
  if (!boots) return failure_of(boots);
  const auto& command = rebuild.copy_command;
  if (*boots != BuiltImage::boots && !command.empty()) {
    auto copied = run_tool({command.front(), {command.begin() + 1, command.end()}});
    if (!copied) return failure_of(copied);
    if (copied->exit_status != 0) return fail(tool_failure(command.front() + " failed", *copied));
    boots = check_(rebuild);
    if (!boots) return failure_of(boots);
  }
  if (*boots != BuiltImage::copy_stale) return {};
  // What nothing copies stays as it was, and is told. What was copied in part does not.
  const auto spoiled = std::ranges::find_if(kept_, [&](const KeptImage& kept) {
    return std::ranges::find(rebuild.copies, kept.image) != rebuild.copies.end() &&
           is_changed(files_, kept);
  });
  if (command.empty() && spoiled == kept_.end()) return {};
  const auto& copy = spoiled != kept_.end() ? spoiled->image : rebuild.image;
  return fail("copying " + printable(rebuild.image) +
                  " to where the boot loader reads it failed: " + printable(copy) +
                  " is incomplete or outdated",
              "Look for a full file system, then run the command again.");
}

}  // namespace vfio_switch
