// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/way_out.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "apply/journal.h"
#include "apply/journalled_state.h"
#include "apply/lock.h"
#include "apply/recovery.h"
#include "apply/way_out_builds.h"
#include "apply/way_out_plan.h"
#include "core/base/text.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"
#include "system/process/process.h"
#include "system/state/state_store.h"
#include "system/tools/plain_build.h"

namespace vfio_switch {

namespace {

bool is_live(const FileState& state) {
  const auto* file = std::get_if<RegularFile>(&state);
  return file != nullptr && vfio_switch::is_live(file->content);
}

class Work {
 public:
  Work(FileStore& files, CommandRunner& runner, const WayOutRequest& request)
      : files_(files),
        runner_(runner),
        request_(request),
        recovery_(files, runner, request.progress) {}

  [[nodiscard]] Result<WayOutResult> run() {
    const InterruptionGuard guard;
    std::optional<Lock> lock;
    if (auto made = make_state_directories(files_); made) {
      // Where it cannot be opened, nobody else has it either; held by somebody it gives no errno.
      auto taken = Lock::take(files_, name(), request_.patience);
      if (!taken && taken.error().code == 0) return failure_of(taken);
      if (taken) {
        lock = std::move(*taken);
      } else {
        warnings_.add(taken.error().message);
      }
      known_.has_directory = true;
      can_journal_ = true;
    } else if (made.error().kind == ErrorKind::permission) {
      return failure_of(made);
    } else {
      warnings_.add(made.error().message);
    }
    read_what_is_known();
    plan_ = plan_way_out(files_, request_.kind, known_, warnings_);
    is_whole_ = is_whole_ && plan_.loses_nothing;
    carry_out();
    if (request_.kind == WayOut::remove) {
      note_removal();
    } else {
      build_images();
    }
    result_.warnings = warnings_.take();
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::string name() const {
    switch (request_.kind) {
      case WayOut::disable:
        return "disable";
      case WayOut::rollback:
        return "rollback";
      case WayOut::remove:
        break;
    }
    return "pre-remove";
  }

  void read_what_is_known() {
    std::vector<std::string> problems;
    known_.journal = Journal::salvage(files_, problems);
    if (!problems.empty()) is_whole_ = false;
    for (auto& problem : problems) warnings_.add(std::move(problem));
    if (can_journal_ && needs_recovery(files_, known_.journal)) {
      auto recovered = recovery_.recover(known_.journal);
      if (!recovered) {
        // Its copies wait for the next run; what is done here must not come between.
        warnings_.add(recovered.error().message);
        can_journal_ = false;
        is_whole_ = false;
      } else if (*recovered && request_.progress.on_recovery) {
        request_.progress.on_recovery(**recovered);
      }
    }
    images_ = known_.journal.images();
    if (request_.kind != WayOut::disable) boot_undo_ = known_.journal.boot_undo();
    known_.state = salvage_state(files_);
    // The intent outlasts a removal that may be called off; what stands at our paths does not.
    known_.is_given_back =
        files_.exists(removal_path) &&
        std::ranges::all_of(known_.journal.changed_paths(), is_remembered, &FileChange::path);
    if (!known_.state.problem.empty()) warnings_.add(known_.state.problem);
  }

  void carry_out() {
    if (plan_.changes.empty() && plan_.aside.empty()) {
      find_live_files();
      return;
    }
    owe_images();
    for (const auto& path : plan_.aside) set_aside(path);
    std::optional<int> id;
    const bool forgets = request_.kind != WayOut::disable && is_whole_;
    if (can_journal_) {
      const Diff diff(plan_.changes.begin(), plan_.changes.end());
      auto begun = known_.journal.begin(files_, name(), diff, forgets);
      if (!begun) begun = known_.journal.begin(files_, name(), diff, forgets);
      if (begun) {
        id = *begun;
      } else {
        warnings_.add(begun.error().message);
      }
    }
    // It cannot be proved here what boots now.
    if (files_.exists(menu_record_path)) (void)files_.replace(menu_record_path, Absent{});
    std::vector<std::string> written;
    bool failed = false;
    for (const auto& change : plan_.changes) {
      if (request_.progress.on_change && !is_remembered(change.path)) {
        request_.progress.on_change(Change(change));
      }
      const auto now = files_.state(change.path);
      if (now && !same_content(*now, change.before)) {
        warnings_.add(printable(change.path) + " was changed by another program in the meantime");
        failed = true;
        continue;
      }
      if (auto done = write(change.path, change.after); !done) {
        warnings_.add(done.error().message);
        failed = true;
        continue;
      }
      result_.changed = result_.changed || !is_remembered(change.path);
      if (!std::holds_alternative<Absent>(change.after)) written.push_back(change.path);
    }
    recovery_.relabel(written);
    if (id) end_transaction(*id, failed && forgets);
    find_live_files();
  }

  /// Once more where it fails: half a way out is worse than a late one.
  [[nodiscard]] Result<void> write(const std::string& path, const FileState& wanted) {
    auto done = files_.replace(path, wanted);
    return done ? done : files_.replace(path, wanted);
  }

  /// What could not be given back is still owed: a rollback that was not whole does not count.
  void end_transaction(int id, bool is_owed) {
    const auto ended =
        is_owed ? known_.journal.undone(files_, id) : known_.journal.committed(files_, id);
    if (!ended) {
      warnings_.add(ended.error().message);
    } else {
      recovery_.tidy(known_.journal);
    }
  }

  void set_aside(const std::string& path) {
    const auto as = free_name(files_, path + ".vfio-switch-saved");
    if (auto moved = files_.set_aside(path, as); !moved) {
      warnings_.add(moved.error().message);
      return;
    }
    result_.changed = true;
    warnings_.add(printable(path) +
                  " is not a file that vfio-switch can edit, so it was moved to " + printable(as));
  }

  void find_live_files() {
    for (const auto path : generated_paths) {
      const std::string own(path);
      if (std::ranges::find(plan_.restored, own) != plan_.restored.end()) continue;
      const auto now = files_.state(own);
      if (now && std::holds_alternative<Absent>(*now)) continue;
      if (!now || (is_live(*now) && is_of_ours(known_, own, *now))) result_.live.push_back(own);
    }
  }

  void owe_images() {
    if (request_.kind == WayOut::remove || !known_.has_directory) return;
    (void)files_.replace(images_owed_path, RegularFile{"", 0644, 0, 0});
  }

  /// For the package's scripts, when the program is gone.
  void note_removal() {
    if (!files_.exists(state_directory)) return;
    std::string text;
    for (const auto& path : result_.live) text += "live " + path + "\n";
    if (!is_whole_) text += "lost\n";
    // An empty one was part of the transaction.
    if (!text.empty() || !known_.has_directory) {
      if (auto noted = write(removal_path, RegularFile{text, 0644, 0, 0}); !noted) {
        warnings_.add(noted.error().message);
      }
    }
    if (!known_.state.exists) return;  // no image was ever changed
    std::string images;
    for (const auto& image : images_to_build()) {
      const auto release = release_of_image(files_, image);
      if (!release.empty()) images += release + " " + image + "\n";
    }
    if (auto noted = write(images_path, RegularFile{images, 0644, 0, 0}); !noted) {
      warnings_.add(noted.error().message);
    }
  }

  /// Known before the journal is cleared.
  [[nodiscard]] std::vector<std::string> images_to_build() const {
    auto images = images_;
    for (auto& image : usual_images(files_)) {
      if (std::ranges::find(images, image) == images.end()) images.push_back(std::move(image));
    }
    return images;
  }

  void build_images() {
    if (!result_.changed && !files_.exists(images_owed_path)) return;
    if (!request_.may_run_tools) {
      result_.images_stale = true;
      return;
    }
    WayOutBuilds builds(files_, runner_, request_.progress, warnings_);
    if (plan_.changes_boot && plan_.needs_boot_tool)
      builds.run_boot_tools(boot_undo_, plan_.changes);
    result_.images_stale = !builds.build(images_to_build());
    if (!result_.images_stale) (void)files_.replace(images_owed_path, Absent{});
  }

  FileStore& files_;
  CommandRunner& runner_;
  const WayOutRequest& request_;
  Recovery recovery_;
  Warnings warnings_;
  WayOutKnowledge known_;
  WayOutPlan plan_;
  bool can_journal_ = false;
  bool is_whole_ = true;             ///< nothing that the journal should know is lost
  std::vector<std::string> images_;  ///< that the journal knows
  std::vector<std::vector<std::string>> boot_undo_;  ///< that the journal knows
  WayOutResult result_;
};

}  // namespace

std::string WayOutResult::trouble(bool may_run_tools) const {
  if (!live.empty()) return printable(enumerate(live)) + " may still give the card to vfio-pci";
  if (!may_run_tools || !images_stale) return {};
  return "the initramfs images were not rebuilt and may still give the card to vfio-pci";
}

Result<WayOutResult> take_way_out(FileStore& files, CommandRunner& runner,
                                  const WayOutRequest& request) {
  return Work(files, runner, request).run();
}

}  // namespace vfio_switch
