// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/way_out.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <ranges>
#include <utility>

#include "apply/boot_rollback.h"
#include "apply/journal.h"
#include "apply/journalled_state.h"
#include "apply/lock.h"
#include "apply/recovery.h"
#include "apply/tool_failure.h"
#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/boot/grub_settings.h"
#include "core/boot/parameter_file.h"
#include "core/files/own_paths.h"
#include "core/files/put_out.h"
#include "core/files/seal.h"
#include "system/files/foreign_files.h"
#include "system/process/process.h"
#include "system/state/state_store.h"
#include "system/tools/plain_build.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

/// The kernel parameters that give the card to vfio-pci; others only prepare for it.
bool binds(const std::string& parameter) {
  return parameter.starts_with("vfio-pci.ids=") || parameter.starts_with("vfio_pci.ids=");
}

bool is_live(const FileState& state) {
  const auto* file = std::get_if<RegularFile>(&state);
  return file != nullptr && !is_inert(file->content);
}

/// The first free name of those for what is moved away, which nobody reads.
std::string free_name(const FileReader& files, const std::string& name) {
  auto free = name;
  for (int number = 2; files.exists(free) || files.read_link(free); ++number) {
    free = name + "-" + std::to_string(number);
  }
  return free;
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
        warn(taken.error().message);
      }
      has_directory_ = true;
      can_journal_ = true;
    } else if (made.error().kind == ErrorKind::permission) {
      return failure_of(made);
    } else {
      warn(made.error().message);
    }
    read_what_is_known();
    if (request_.kind != WayOut::disable) plan_rollback();
    plan_own_files();
    plan_boot();
    plan_state();
    plan_answer();
    carry_out();
    if (request_.kind == WayOut::remove) {
      note_removal();
    } else {
      build_images();
    }
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

  void warn(std::string what) {
    auto& said = result_.warnings;
    if (std::ranges::find(said, what) == said.end()) said.push_back(std::move(what));
  }

  void read_what_is_known() {
    std::vector<std::string> problems;
    journal_ = Journal::salvage(files_, problems);
    if (!problems.empty()) is_whole_ = false;
    for (auto& problem : problems) warn(std::move(problem));
    if (can_journal_ && needs_recovery(files_, journal_)) {
      auto recovered = recovery_.recover(journal_);
      if (!recovered) {
        // Its copies wait for the next run; what is done here must not come between.
        warn(recovered.error().message);
        can_journal_ = false;
        is_whole_ = false;
      } else if (*recovered && request_.progress.on_recovery) {
        request_.progress.on_recovery(**recovered);
      }
    }
    images_ = journal_.images();
    if (request_.kind != WayOut::disable) boot_undo_ = journal_.boot_undo();
    state_ = salvage_state(files_);
    // The intent outlasts a removal that may be called off; what stands at our paths does not.
    is_given_back_ = files_.exists(removal_path) && journal_.changed_paths().empty();
    if (!state_.problem.empty()) warn(state_.problem);
  }

  /// What stands at a path; nothing, and a warning, where that cannot be told.
  [[nodiscard]] std::optional<FileState> look_at(const std::string& path) {
    auto state = files_.state(path);
    if (state) return std::move(*state);
    warn(state.error().message);
    return std::nullopt;
  }

  [[nodiscard]] bool is_planned(std::string_view path) const {
    return std::ranges::find(changes_, path, &FileChange::path) != changes_.end();
  }

  void plan(const std::string& path, const FileState& now, FileState after, Reason reason,
            bool boot = false) {
    changes_.push_back({path, now, std::move(after), std::move(reason), boot});
  }

  /// What the journal says was there before the first change.
  void plan_rollback() {
    const auto known = journal_.changed_paths();
    for (const auto& made : std::views::reverse(known)) {
      if (is_remembered(made.path) || is_boot_setting(made)) continue;
      if (const auto now = look_at(made.path)) give_back(made, *now);
    }
    for (const auto path : generated_paths) {
      const std::string own(path);
      if (std::ranges::find(known, own, &FileChange::path) != known.end()) continue;
      const auto now = files_.state(own);
      const auto* file = now ? std::get_if<RegularFile>(&*now) : nullptr;
      if (file != nullptr && is_unmodified(file->content)) {
        plan(own, *now, Absent{}, ReasonCause::written_by_us);
      }
    }
  }

  void give_back(const FileChange& made, const FileState& now) {
    if (same_content(now, made.before)) return;
    const auto* file = std::get_if<RegularFile>(&now);
    const bool is_ours = same_content(now, made.after) || std::holds_alternative<Absent>(now) ||
                         (file != nullptr && is_unmodified(file->content));
    if (is_lost(made.before)) {
      warn("what " + printable(made.path) + " held before is lost");
      is_whole_ = false;
      return;  // put out of effect with the others
    }
    if (is_ours) {
      plan(made.path, now, made.before, ReasonCause::restored);
      restored_.push_back(made.path);
      return;
    }
    warn(printable(made.path) +
         " was edited since: it stays, and what was there before does not "
         "come back in its place");
    const auto* before = std::get_if<RegularFile>(&made.before);
    if (before == nullptr) return;
    const auto beside = free_name(files_, made.path + ".before-vfio-switch");
    plan(beside, Absent{}, *before, ReasonCause::former_kept);
    warn("what was there before is kept as " + printable(beside));
  }

  /// True where what stands at a path of ours is of our doing, in whole or in part.
  [[nodiscard]] bool is_of_ours(const std::string& path, const FileState& now) const {
    const auto* file = std::get_if<RegularFile>(&now);
    if (file != nullptr && unsealed(file->content).size() != file->content.size()) return true;
    if (is_given_back_) return false;
    const auto known = journal_.changed_paths();
    return state_.exists || std::ranges::find(known, path, &FileChange::path) != known.end();
  }

  /// Puts out of effect what is live at our paths, and was not there before us.
  void plan_own_files() {
    for (const auto path : generated_paths) {
      const std::string own(path);
      if (std::ranges::find(restored_, own) != restored_.end() || is_planned(own)) continue;
      auto now = files_.state(own);
      if (!now) {
        warn(now.error().message);
        aside_.push_back(own);
        continue;
      }
      if (!is_of_ours(own, *now)) continue;
      if (const auto* file = std::get_if<RegularFile>(&*now)) {
        plan_file(own, *file);
      } else if (std::holds_alternative<SymbolicLink>(*now)) {
        const auto behind = read_foreign(files_, own);
        if (!behind.why.empty() || !is_inert(behind.text)) aside_.push_back(own);
      }
    }
  }

  void plan_file(const std::string& path, const RegularFile& file) {
    if (is_inert(file.content)) return;
    auto after = file;
    after.modified = 0;
    const bool edited = !is_unmodified(file.content);
    after.content = edited ? put_out(path, file.content) : disabled_form(file.content);
    plan(path, file, after, ReasonCause::commented_out);
    if (edited) {
      warn(printable(path) + " was edited since: every line of it is commented out, and '" +
           put_back_command(path) + "' takes that back");
    }
  }

  /// Our kernel parameters: all of them in a rollback, those that bind in a disable.
  void plan_boot() {
    auto ours = state_.boot_parameters;
    if (request_.kind == WayOut::disable)
      std::erase_if(ours, [](const auto& p) { return !binds(p); });
    const auto known = journal_.changed_paths();
    for (const auto& made : std::views::reverse(known)) {
      if (!is_boot_setting(made) || (request_.kind == WayOut::disable && ours.empty())) continue;
      const auto now = look_at(made.path);
      if (!now || std::holds_alternative<Absent>(*now) || same_content(*now, made.before)) continue;
      const bool whole = request_.kind != WayOut::disable && same_content(*now, made.after);
      if (whole && !is_lost(made.before)) {
        plan(made.path, *now, made.before, ReasonCause::restored, true);
        boot_changes_ = true;
      } else {
        strip(made.path, *now, ours);
      }
    }
    if (request_.kind == WayOut::disable && !ours.empty()) plan_drop_in(ours);
    plan_boot_outputs(ours);
  }

  void strip(const std::string& path, const FileState& now, const Parameters& ours) {
    const auto* file = std::get_if<RegularFile>(&now);
    if (file == nullptr || ours.empty() || is_planned(path)) return;
    auto after = *file;
    after.content = without_parameters(syntax_of(path), file->content, ours);
    after.modified = 0;
    if (after.content == file->content) return;
    plan(path, now, after, ReasonCause::parameters_stripped, true);
    boot_changes_ = true;
  }

  void plan_drop_in(const Parameters& ours) {
    const std::string path(grub_drop_in_path);
    const auto now = look_at(path);
    const auto* file = now ? std::get_if<RegularFile>(&*now) : nullptr;
    if (file == nullptr || is_inert(file->content)) return;
    auto left = grub_drop_in_parameters(file->content);
    std::erase_if(left, [&](const auto& p) { return std::ranges::find(ours, p) != ours.end(); });
    auto after = *file;
    after.modified = 0;
    after.content =
        is_unmodified(file->content) ? render_grub_drop_in(left) : put_out(path, file->content);
    plan(path, *now, after, ReasonCause::ids_stripped, true);
    boot_changes_ = true;
  }

  /// What the boot loader's tool wrote: the bytes that it had, where nobody has written it since.
  void plan_boot_outputs(const Parameters& ours) {
    const auto outputs = journal_.boot_outputs();
    const bool drop_in_goes = is_planned(grub_drop_in_path);
    if (!boot_changes_ && !drop_in_goes && (ours.empty() || outputs.empty())) return;
    boot_changes_ = true;
    std::vector<FileChange> changes;
    bool is_same = request_.kind != WayOut::disable && !outputs.empty();
    for (const auto& made : outputs) {
      const auto now = look_at(made.path);
      is_same = is_same && now && !is_lost(made.before) && same_content(*now, made.after);
      if (is_same && !is_planned(made.path)) {
        changes.push_back({made.path, *now, made.before, ReasonCause::restored, true});
      } else if (now && syntax_of(made.path) == ParameterSyntax::boot_entry) {
        strip(made.path, *now, ours);
      }
    }
    if (is_same) {
      std::ranges::move(changes, std::back_inserter(changes_));
    } else {
      run_boot_tool_ = true;
    }
  }

  void plan_state() {
    if (!state_.exists || request_.kind == WayOut::remove) return;
    plan_hook_facts();
    const auto now = files_.state(state_path);
    const auto* file = now ? std::get_if<RegularFile>(&*now) : nullptr;
    if (file == nullptr) aside_.push_back(state_path);
    if (request_.kind == WayOut::rollback) {
      if (file != nullptr) plan(state_path, *now, Absent{}, ReasonCause::not_wanted);
      return;
    }
    if (file == nullptr) {
      State disabled;
      disabled.intent = Intent::disabled;
      plan(state_path, Absent{}, RegularFile{render_state(disabled), 0644, 0, 0},
           ReasonCause::remembered);
      return;
    }
    if (state_.problem.empty() && state_.intent == Intent::disabled) return;
    auto after = *file;
    after.modified = 0;
    const auto state = load_state(files_);
    if (state) {
      auto disabled = *state;
      disabled.intent = Intent::disabled;
      after.content = render_state(disabled);
    } else if (const auto changed = with_intent_disabled(file->content);
               changed && is_readable_json(file->content)) {
      after.content = *changed;
    } else {
      plan(free_name(files_, state_path + ".damaged"), Absent{}, *file, ReasonCause::damaged_kept);
      State disabled;
      disabled.intent = Intent::disabled;
      after.content = render_state(disabled);
    }
    if (after.content != file->content) plan(state_path, *now, after, ReasonCause::remembered);
  }

  void plan_hook_facts() {
    const auto now = files_.state(hook_facts_path);
    if (!now) {
      aside_.push_back(hook_facts_path);  // hooks would wait for who writes into a FIFO
      return;
    }
    if (std::holds_alternative<Directory>(*now)) return;  // hooks read nothing there
    FileState after = Absent{};
    if (request_.kind != WayOut::rollback) {
      after = RegularFile{render_hook_facts(Intent::disabled, {}), 0644, 0, 0};
    }
    if (!same_content(*now, after)) plan(hook_facts_path, *now, after, ReasonCause::remembered);
  }

  [[nodiscard]] static bool is_readable_json(const std::string& text) { return Json::accept(text); }

  void carry_out() {
    if (changes_.empty() && aside_.empty()) {
      find_live_files();
      return;
    }
    owe_images();
    for (const auto& path : aside_) set_aside(path);
    std::optional<int> id;
    const bool forgets = request_.kind != WayOut::disable && is_whole_;
    if (can_journal_) {
      const Diff diff(changes_.begin(), changes_.end());
      auto begun = journal_.begin(files_, name(), diff, forgets);
      if (!begun) begun = journal_.begin(files_, name(), diff, forgets);
      if (begun) {
        id = *begun;
      } else {
        warn(begun.error().message);
      }
    }
    std::vector<std::string> written;
    bool failed = false;
    for (const auto& change : changes_) {
      if (request_.progress.on_change && !is_remembered(change.path)) {
        request_.progress.on_change(Change(change));
      }
      const auto now = files_.state(change.path);
      if (now && !same_content(*now, change.before)) {
        warn(printable(change.path) + " was changed by somebody else in the meantime");
        failed = true;
        continue;
      }
      if (auto done = write(change.path, change.after); !done) {
        warn(done.error().message);
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
    const auto ended = is_owed ? journal_.undone(files_, id) : journal_.committed(files_, id);
    if (!ended) {
      warn(ended.error().message);
    } else {
      recovery_.tidy(journal_);
    }
  }

  void set_aside(const std::string& path) {
    const auto as = free_name(files_, path + ".vfio-switch-saved");
    if (auto moved = files_.set_aside(path, as); !moved) {
      warn(moved.error().message);
      return;
    }
    result_.changed = true;
    warn(printable(path) + " is no file of its own: it is moved to " + printable(as));
  }

  void find_live_files() {
    for (const auto path : generated_paths) {
      const std::string own(path);
      if (std::ranges::find(restored_, own) != restored_.end()) continue;
      const auto now = files_.state(own);
      if (now && std::holds_alternative<Absent>(*now)) continue;
      if (!now || (is_live(*now) && is_of_ours(own, *now))) result_.live.push_back(own);
    }
  }

  void owe_images() {
    if (request_.kind == WayOut::remove || !has_directory_) return;
    (void)files_.replace(images_owed_path, RegularFile{"", 0644, 0, 0});
  }

  /// An administrator's no, or that of a boot that failed.
  void plan_answer() {
    if (request_.kind == WayOut::remove && has_directory_) {
      // With the rest: a removal that is taken back has not been one.
      const auto now = files_.state(removal_path);
      const FileState empty = RegularFile{"", 0644, 0, 0};
      if (now && !same_content(*now, empty))
        plan(removal_path, *now, empty, ReasonCause::remembered);
    }
    if (request_.kind == WayOut::remove && state_.intent != Intent::disabled) return;
    const bool changes_nothing = std::ranges::all_of(
        changes_, [](const FileChange& change) { return is_remembered(change.path); });
    if (!state_.exists && changes_nothing && aside_.empty()) return;
    if (!has_directory_ || files_.exists(declined_path)) return;
    const std::string text = request_.kind == WayOut::rollback ? "rollback\n" : "disable\n";
    plan(declined_path, Absent{}, RegularFile{text, 0644, 0, 0}, ReasonCause::remembered);
  }

  /// For the package's scripts, when the program is gone.
  void note_removal() {
    if (!files_.exists(state_directory)) return;
    std::string text;
    for (const auto& path : result_.live) text += "live " + path + "\n";
    if (!is_whole_) text += "lost\n";
    // An empty one was part of the transaction.
    if (!text.empty() || !has_directory_) {
      if (auto noted = write(removal_path, RegularFile{text, 0644, 0, 0}); !noted) {
        warn(noted.error().message);
      }
    }
    if (!state_.exists) return;  // no image was ever changed
    std::string images;
    for (const auto& image : images_to_build()) {
      const auto release = release_of_image(files_, image);
      if (!release.empty()) images += release + " " + image + "\n";
    }
    if (auto noted = write(images_path, RegularFile{images, 0644, 0, 0}); !noted) {
      warn(noted.error().message);
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
    if (boot_changes_ && run_boot_tool_) run_boot_tool();
    const auto builds = plain_builds(files_, runner_, images_to_build());
    if (builds.empty()) {
      warn("no builder of initramfs images is known here: rebuild them by hand");
      result_.images_stale = true;
    }
    for (const auto& build : builds) {
      if (!run_tool(build.command, "rebuild the images with '" + build.str() + "'")) {
        if (!build.written.empty()) (void)files_.replace(build.written, Absent{});
        result_.images_stale = true;
      } else if (!build.written.empty()) {
        if (auto placed = files_.put_back(build.written, build.image); !placed) {
          warn(placed.error().message);
          result_.images_stale = true;
        }
      }
    }
    if (!result_.images_stale) (void)files_.replace(images_owed_path, Absent{});
  }

  void run_boot_tool() {
    for (const auto& words : boot_undo_) {
      (void)run_tool({words.front(), {words.begin() + 1, words.end()}}, "run it by hand");
    }
    const auto command = plain_boot_command(files_, runner_);
    if (command.program.empty()) {
      if (boot_undo_.empty()) {
        warn(
            "the kernel command line may keep our parameters until the boot loader's files are "
            "made anew by hand");
      }
      return;
    }
    (void)run_tool(command, "run '" + command.program + "' by hand");
  }

  /// False, with a warning that ends in `remedy`, where it fails.
  [[nodiscard]] bool run_tool(const Invocation& command, const std::string& remedy) {
    const auto line =
        command.program + (command.arguments.empty() ? "" : " ") + join(command.arguments, " ");
    if (request_.progress.on_recovery) request_.progress.on_recovery("running " + line);
    (void)note_builder(files_, Builder::at_work);
    const auto tick = [&](std::chrono::seconds elapsed) {
      constexpr int a_minute = 60;
      if (elapsed.count() % a_minute != 0 || !request_.progress.on_recovery) return;
      request_.progress.on_recovery(line + " is still at work after " +
                                    std::to_string(elapsed.count() / a_minute) + " min");
    };
    const auto done = runner_.run(command, {request_.progress.on_tool_output, tick});
    (void)files_.replace(builder_path(), Absent{});
    if (done && done->exit_status == 0) return true;
    warn((done ? tool_failure(line + " failed", *done) : done.error().message) + "; " + remedy +
         " once that is fixed");
    return false;
  }

  FileStore& files_;
  CommandRunner& runner_;
  const WayOutRequest& request_;
  Recovery recovery_;
  Journal journal_;
  SalvagedState state_;
  bool has_directory_ = false;  ///< ours, with its lock taken
  bool can_journal_ = false;
  bool is_given_back_ = false;  ///< by an earlier removal of the package
  bool is_whole_ = true;        ///< nothing of what the journal should know is lost
  std::vector<FileChange> changes_;
  std::vector<std::string> aside_;     ///< paths of ours at which something else stands
  std::vector<std::string> restored_;  ///< paths that get back what was there before
  bool boot_changes_ = false;
  bool run_boot_tool_ = false;
  std::vector<std::string> images_;                  ///< that the journal knows
  std::vector<std::vector<std::string>> boot_undo_;  ///< that the journal knows
  WayOutResult result_;
};

}  // namespace

Result<WayOutResult> take_way_out(FileStore& files, CommandRunner& runner,
                                  const WayOutRequest& request) {
  return Work(files, runner, request).run();
}

}  // namespace vfio_switch
