// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/transaction.h"

#include <algorithm>
#include <set>
#include <utility>

#include "apply/journalled_state.h"
#include "apply/tool_failure.h"
#include "core/base/text.h"
#include "core/boot/parameter_edit.h"
#include "system/process/process.h"
#include "system/state/state_store.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

namespace {

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<void> Transaction::run(Journal& journal, const std::string& verb, Diff diff,
                              const State& state, bool rebuild, bool forgets) {
  if (is_interrupted()) return interrupted_error();
  if (auto prepared = prepare(diff, state, rebuild); !prepared) return prepared;
  for (const auto& change : diff) {
    // Of an earlier transaction, whose journal is lost: an undo must not take it for this one's.
    const auto* image = std::get_if<RebuildInitramfs>(&change);
    if (image == nullptr) continue;
    if (auto removed = remove_if_there(kept_path(image->image)); !removed) return removed;
  }
  const auto id = journal.begin(files_, verb, diff, forgets);
  if (!id) return std::unexpected(id.error());
  auto done = keep_images(diff);
  if (done) done = carry_out(journal, *id, diff);
  if (done) done = journal.committed(files_, *id);
  if (done) {
    tidy(journal);
    return {};
  }
  auto error = std::move(done).error();
  const auto left = undo(journal, *journal.interrupted());
  error.remedy += error.remedy.empty() ? "" : " ";
  if (!left) {
    error.remedy += "Not all changes could be undone (" + left.error().message +
                    "). Fix that, then run 'vfio-switch " + verb + "' again.";
  } else if (left->empty()) {
    error.remedy += "All changes were undone.";
  } else {
    error.remedy += "All other changes were undone.";
  }
  return std::unexpected(std::move(error));
}

Result<void> Transaction::prepare(Diff& diff, const State& state, bool rebuild) const {
  if (!rebuild) {
    std::erase_if(diff,
                  [](const Change& c) { return std::holds_alternative<RebuildInitramfs>(c); });
  }
  auto old_state = files_.state(state_path);
  if (!old_state) return failure_of(old_state);
  if (!std::holds_alternative<Absent>(*old_state) &&
      !std::holds_alternative<RegularFile>(*old_state)) {
    return fail(state_path + " is not a regular file", "Remove it, then try again.");
  }
  const FileState new_state = RegularFile{render_state(state), 0644, 0, 0};
  if (!same_content(*old_state, new_state)) {
    // Before the rebuilds: the initramfs hooks read the intent.
    const auto first_rebuild = std::ranges::find_if(diff, [](const Change& change) {
      return std::holds_alternative<RebuildInitramfs>(change);
    });
    diff.insert(first_rebuild,
                FileChange{state_path, *old_state, new_state, ReasonCause::remembered});
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

Result<void> Transaction::remove_if_there(const std::string& path) {
  auto status = files_.status(path);
  if (!status) return failure_of(status);
  if (!*status) return {};
  return files_.replace(path, Absent{});
}

Result<void> Transaction::keep_images(const Diff& diff) {
  for (const auto& change : diff) {
    const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
    if (rebuild == nullptr) continue;
    auto tool = find_initramfs_tool(profile_, files_, runner_);
    if (!tool) return failure_of(tool);
    const auto build = plan_build(*tool, files_, rebuild->release, rebuild->image);
    if (!build) return std::unexpected(build.error());
    if (build->for_new_deployment) continue;
    auto kept = files_.keep(rebuild->image, kept_path(rebuild->image),
                            build->replaces_by_rename(rebuild->image));
    if (!kept) return kept;
  }
  return {};
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
    if (file == nullptr) relabel(std::exchange(written, {}));
    if (progress_.on_change && (file == nullptr || file->path != state_path)) {
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
  relabel(written);
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
  const ProgramCall command{boot.command.front(), {boot.command.begin() + 1, boot.command.end()}};
  auto result = runner_.run(command, {progress_.on_tool_output, {}});
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
          "Another setting of the boot loader overrides it. Add the parameter there by hand.");
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
  const auto tick = [&](std::chrono::seconds elapsed) {
    if (progress_.on_rebuild) progress_.on_rebuild(rebuild, number, count, elapsed);
  };
  tick(std::chrono::seconds(0));
  auto result = runner_.run(build->command, {progress_.on_tool_output, tick});
  if (progress_.on_rebuilt) progress_.on_rebuilt();
  if (!result) return failure_of(result);
  if (is_interrupted()) return interrupted_error();
  if (result->exit_status == 0) return take_image(*build, rebuild);
  return fail(
      tool_failure(build->command.program + " failed for kernel " + printable(rebuild.release),
                   *result),
      "Fix the problem shown above, then run the command again.");
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

void Transaction::relabel(const std::vector<std::string>& paths) {
  constexpr auto tool = "restorecon";
  if (paths.empty() || !files_.is_running_system() || !runner_.has(tool)) return;
  const auto result = runner_.run({tool, paths}, {progress_.on_tool_output, {}});
  if (result && result->exit_status == 0) return;
  if (progress_.on_recovery) {
    progress_.on_recovery("warning: restorecon could not label " + enumerate(paths));
  }
}

}  // namespace vfio_switch
