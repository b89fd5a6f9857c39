// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/way_out_plan.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>

#include "apply/boot_rollback.h"
#include "apply/journalled_state.h"
#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/boot/drop_in.h"
#include "core/boot/parameter_file.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"
#include "core/files/put_out.h"
#include "core/files/seal.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

/// The kernel parameters that give the card to vfio-pci; others only prepare for it.
bool binds(const std::string& parameter) {
  return parameter.starts_with("vfio-pci.ids=") || parameter.starts_with("vfio_pci.ids=");
}

class Planning {
 public:
  Planning(const FileReader& files, WayOut kind, const WayOutKnowledge& known, Warnings& warnings)
      : files_(files), kind_(kind), known_(known), warnings_(warnings) {}

  [[nodiscard]] WayOutPlan run() {
    if (kind_ != WayOut::disable) plan_rollback();
    plan_own_files();
    plan_boot();
    plan_state();
    plan_answer();
    return std::move(plan_);
  }

 private:
  /// What stands at a path; nothing, and a warning, where that cannot be told.
  [[nodiscard]] std::optional<FileState> look_at(const std::string& path) {
    auto state = files_.state(path);
    if (state) return std::move(*state);
    warnings_.add(state.error().message);
    return std::nullopt;
  }

  [[nodiscard]] bool is_planned(std::string_view path) const {
    return std::ranges::find(plan_.changes, path, &FileChange::path) != plan_.changes.end();
  }

  void add(const std::string& path, const FileState& now, FileState after, Reason reason,
           bool boot = false) {
    plan_.changes.push_back({path, now, std::move(after), std::move(reason), boot});
  }

  /// What the journal says was there before the first change.
  void plan_rollback() {
    const auto known = known_.journal.changed_paths();
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
        add(own, *now, Absent{}, ReasonCause::written_by_us);
      }
    }
  }

  void give_back(const FileChange& made, const FileState& now) {
    if (same_content(now, made.before)) return;
    const auto* file = std::get_if<RegularFile>(&now);
    const bool is_ours = same_content(now, made.after) || std::holds_alternative<Absent>(now) ||
                         (file != nullptr && is_unmodified(file->content));
    if (is_lost(made.before)) {
      warnings_.add("the earlier content of " + printable(made.path) + " is lost");
      plan_.loses_nothing = false;
      return;  // put out of effect with the others
    }
    if (is_ours) {
      add(made.path, now, made.before, ReasonCause::restored);
      plan_.restored.push_back(made.path);
      return;
    }
    warnings_.add(printable(made.path) + " was edited, so it was not restored");
    const auto* before = std::get_if<RegularFile>(&made.before);
    if (before == nullptr) return;
    const auto beside = free_name(files_, made.path + ".before-vfio-switch");
    add(beside, Absent{}, *before, ReasonCause::former_kept);
    warnings_.add("the earlier content of " + printable(made.path) + " was saved as " +
                  printable(beside));
  }

  /// Puts out of effect what is live at our paths, and was not there before us.
  void plan_own_files() {
    for (const auto path : generated_paths) {
      const std::string own(path);
      if (std::ranges::find(plan_.restored, own) != plan_.restored.end() || is_planned(own))
        continue;
      auto now = files_.state(own);
      if (!now) {
        warnings_.add(now.error().message);
        plan_.aside.push_back(own);
        continue;
      }
      if (!is_of_ours(known_, own, *now)) continue;
      if (const auto* file = std::get_if<RegularFile>(&*now)) {
        plan_file(own, *file);
      } else if (std::holds_alternative<SymbolicLink>(*now)) {
        const auto behind = read_foreign(files_, own);
        if (!behind.why.empty() || !is_inert(behind.text)) plan_.aside.push_back(own);
      }
    }
  }

  void plan_file(const std::string& path, const RegularFile& file) {
    if (!is_live(file.content)) return;
    auto after = file;
    after.modified = 0;
    const bool edited = !is_unmodified(file.content);
    after.content = edited ? put_out(path, file.content) : disabled_form(file.content);
    add(path, file, after, ReasonCause::commented_out);
    if (edited) {
      warnings_.add(printable(path) +
                    " was edited, so its lines were commented out; to undo that, run: " +
                    put_back_command(path));
    }
  }

  /// Our kernel parameters: all of them in a rollback, those that bind in a disable.
  void plan_boot() {
    auto ours = known_.state.boot_parameters;
    if (kind_ == WayOut::disable) std::erase_if(ours, [](const auto& p) { return !binds(p); });
    const auto known = known_.journal.changed_paths();
    for (const auto& made : std::views::reverse(known)) {
      if (!is_boot_setting(made) || (kind_ == WayOut::disable && ours.empty())) continue;
      const auto now = look_at(made.path);
      const auto before = without_ours(made.path, made.before, ours);
      if (!now || std::holds_alternative<Absent>(*now) || same_content(*now, before)) continue;
      const bool whole = kind_ != WayOut::disable && same_content(*now, made.after);
      if (whole && !is_lost(made.before)) {
        add(made.path, *now, before, ReasonCause::restored, true);
        plan_.changes_boot = true;
      } else {
        strip(made.path, *now, ours);
      }
    }
    if (kind_ == WayOut::disable && !ours.empty()) {
      for (const auto path : boot_drop_in_paths) plan_drop_in(*drop_in_at(path), ours);
    }
    plan_boot_outputs(ours);
  }

  void strip(const std::string& path, const FileState& now, const Parameters& ours) {
    const auto* file = std::get_if<RegularFile>(&now);
    if (file == nullptr || ours.empty() || is_planned(path)) return;
    auto after = without_ours(path, now, ours);
    if (same_content(now, after)) return;
    std::get<RegularFile>(after).modified = 0;
    add(path, now, after, ReasonCause::parameters_stripped, true);
    plan_.changes_boot = true;
  }

  void plan_drop_in(const DropIn& drop_in, const Parameters& ours) {
    const std::string path(drop_in.path);
    const auto now = look_at(path);
    const auto* file = now ? std::get_if<RegularFile>(&*now) : nullptr;
    if (file == nullptr || is_inert(file->content)) return;
    auto left = drop_in_parameters(drop_in, file->content);
    std::erase_if(left, [&](const auto& p) { return std::ranges::find(ours, p) != ours.end(); });
    auto after = *file;
    after.modified = 0;
    after.content =
        is_unmodified(file->content) ? render_drop_in(drop_in, left) : put_out(path, file->content);
    add(path, *now, after, ReasonCause::ids_stripped, true);
    plan_.changes_boot = true;
  }

  /// What the boot loader's tool wrote: the bytes that it had, where nobody has written it since.
  void plan_boot_outputs(const Parameters& ours) {
    const auto outputs = known_.journal.boot_outputs();
    const bool drop_in_goes =
        std::ranges::any_of(boot_drop_in_paths, [&](auto path) { return is_planned(path); });
    if (!plan_.changes_boot && !drop_in_goes && (ours.empty() || outputs.empty())) return;
    plan_.changes_boot = true;
    std::vector<FileChange> changes;
    bool is_same = kind_ != WayOut::disable && !outputs.empty();
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
      std::ranges::move(changes, std::back_inserter(plan_.changes));
    } else {
      plan_.needs_boot_tool = true;
    }
  }

  void plan_state() {
    if (!known_.state.exists || kind_ == WayOut::remove) return;
    plan_hook_facts();
    const auto now = files_.state(state_path);
    const auto* file = now ? std::get_if<RegularFile>(&*now) : nullptr;
    if (file == nullptr) plan_.aside.push_back(state_path);
    if (kind_ == WayOut::rollback) {
      if (file != nullptr) add(state_path, *now, Absent{}, ReasonCause::not_wanted);
      return;
    }
    if (file == nullptr) {
      State disabled;
      disabled.intent = Intent::disabled;
      add(state_path, Absent{}, RegularFile{render_state(disabled), 0644, 0, 0},
          ReasonCause::remembered);
      return;
    }
    if (known_.state.problem.empty() && known_.state.intent == Intent::disabled) return;
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
      add(free_name(files_, state_path + ".damaged"), Absent{}, *file, ReasonCause::damaged_kept);
      State disabled;
      disabled.intent = Intent::disabled;
      after.content = render_state(disabled);
    }
    if (after.content != file->content) add(state_path, *now, after, ReasonCause::remembered);
  }

  void plan_hook_facts() {
    const auto now = files_.state(hook_facts_path);
    if (!now) {
      plan_.aside.push_back(hook_facts_path);  // hooks would wait for who writes into a FIFO
      return;
    }
    if (std::holds_alternative<Directory>(*now)) return;  // hooks read nothing there
    FileState after = Absent{};
    if (kind_ != WayOut::rollback) {
      after = RegularFile{render_hook_facts(Intent::disabled, {}), 0644, 0, 0};
    }
    if (!same_content(*now, after)) add(hook_facts_path, *now, after, ReasonCause::remembered);
  }

  [[nodiscard]] static bool is_readable_json(const std::string& text) { return Json::accept(text); }

  /// An administrator's no, or that of a boot that failed.
  void plan_answer() {
    if (kind_ == WayOut::remove && known_.has_directory) {
      // With the rest: a removal that is taken back has not been one.
      const auto now = files_.state(removal_path);
      const FileState empty = RegularFile{"", 0644, 0, 0};
      if (now && !same_content(*now, empty))
        add(removal_path, *now, empty, ReasonCause::remembered);
    }
    if (kind_ == WayOut::remove && known_.state.intent != Intent::disabled) return;
    const bool changes_nothing = std::ranges::all_of(
        plan_.changes, [](const FileChange& change) { return is_remembered(change.path); });
    if (!known_.state.exists && changes_nothing && plan_.aside.empty()) return;
    if (!known_.has_directory || files_.exists(declined_path)) return;
    const std::string text = kind_ == WayOut::rollback ? "rollback\n" : "disable\n";
    add(declined_path, Absent{}, RegularFile{text, 0644, 0, 0}, ReasonCause::remembered);
  }

  const FileReader& files_;
  WayOut kind_;
  const WayOutKnowledge& known_;
  Warnings& warnings_;
  WayOutPlan plan_;
};

}  // namespace

/// The first free name of those for what is moved away, which nobody reads.
std::string free_name(const FileReader& files, const std::string& name) {
  auto free = name;
  for (int number = 2; files.exists(free) || files.read_link(free); ++number) {
    free = name + "-" + std::to_string(number);
  }
  return free;
}

void Warnings::add(std::string what) {
  if (std::ranges::find(said_, what) == said_.end()) said_.push_back(std::move(what));
}

bool is_of_ours(const WayOutKnowledge& known, const std::string& path, const FileState& now) {
  const auto* file = std::get_if<RegularFile>(&now);
  if (file != nullptr && is_sealed(file->content)) return true;
  if (known.is_given_back) return false;
  const auto changed = known.journal.changed_paths();
  return known.state.exists || std::ranges::find(changed, path, &FileChange::path) != changed.end();
}

WayOutPlan plan_way_out(const FileReader& files, WayOut kind, const WayOutKnowledge& known,
                        Warnings& warnings) {
  return Planning(files, kind, known, warnings).run();
}

}  // namespace vfio_switch
