// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/package_events.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "apply/leave_menu.h"
#include "apply/lock.h"
#include "apply/progress.h"
#include "apply/way_out.h"
#include "backend/auto_setup.h"
#include "core/base/text.h"
#include "core/files/own_paths.h"
#include "core/machine/boot_entries.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"
#include "core/tell/phrases.h"
#include "core/tell/plan_text.h"
#include "system/files/best_effort.h"
#include "system/planner/planner.h"
#include "system/state/boot_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

Result<void> note_set_up(FileStore& files, const std::string& text) {
  if (auto made = make_state_directories(files); !made) return made;
  return files.replace(set_up_path, RegularFile{text + "\n", 0644, 0, 0});
}

/// Files that we left in effect and that somebody has deleted since: from a rescue shell, or by
/// restoring a snapshot of /etc. Their absence is an answer, which no package overrules.
std::vector<std::string> deleted_files(const FileReader& files) {
  std::vector<std::string> deleted;
  const auto journal = Journal::load(files);
  if (!journal) return deleted;
  for (const auto& change : journal->changed_paths()) {
    const bool was_written = std::holds_alternative<RegularFile>(change.after);
    if (!was_written || !is_generated(change.path)) continue;
    const auto now = files.status(change.path);
    if (now && !*now) deleted.push_back(change.path);
  }
  return deleted;
}

/// Of a state that was made before there was a file for hooks.
Result<void> tell_hooks_of_older_state(FileStore& files) {
  if (files.exists(hook_facts_path)) return {};
  const auto override_file = text_of(files, std::string(override_path));
  return files.replace(hook_facts_path,
                       RegularFile{render_hook_facts(Intent::enabled, override_file), 0644, 0, 0});
}

}  // namespace

Result<void> disable(Site& site) {
  const WayOutRequest request{.kind = WayOut::disable,
                              .may_run_tools = site.can_rebuild(),
                              .patience = std::chrono::seconds(30),
                              .progress = make_progress()};
  const auto done = take_way_out(site.files(), site.runner(), request);
  if (!done) return std::unexpected(done.error());
  for (const auto& warning : done->warnings) std::cout << "vfio-switch: " << warning << ".\n";
  if (done->live.empty()) return {};
  return std::unexpected(Error{ErrorKind::failed, done->trouble(site.can_rebuild()),
                               "Fix the problem shown above, then run 'vfio-switch disable'."});
}

BootSite boot_site(Site& site) {
  return {site.files(), site.can_rebuild(), [&site] { return disable(site); }};
}

Result<void> refresh(Site& site, const std::string& built_elsewhere, Images images) {
  auto state = load_state(site.files());
  if (!state) return failure_of(state);
  if (state->intent != Intent::enabled) return {};
  if (auto told = tell_hooks_of_older_state(site.files()); !told) return told;
  const auto missing = deleted_files(site.files());
  if (!missing.empty()) {
    const auto* const what = missing.size() == 1 ? "it" : "them";
    std::cout << "vfio-switch: somebody deleted " << printable(enumerate(missing))
              << ", and a package hook does not write " << what
              << " again. Run 'vfio-switch enable' to write " << what
              << " again, or 'vfio-switch disable' to turn passthrough off.\n";
    return {};
  }
  const auto given_up = give_up_after_failed_boots(boot_site(site));
  if (!given_up) return std::unexpected(given_up.error());
  if (*given_up) return {};
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal&) {
    // A disable may have held the lock until now.
    if (machine.state.intent != Intent::enabled) return Result<Plan>(no_change(machine));
    EnableOptions options;
    options.may_add_parameters = false;
    options.plan.may_adopt = false;
    options.plan.can_rebuild = images == Images::build;
    options.plan.built_elsewhere = built_elsewhere;
    // Its entry is written when its package's hooks have ended.
    auto coming = machine;
    expect_kernel(coming.facts, built_elsewhere);
    return Planner(files, coming).enable(options);
  };
  return site.change(make, images);
}

Result<void> post_install(Site& site, Images images) {
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->facts.foreign_environment) {
    std::cout << "vfio-switch: setup is pending: this is "
              << reason_text(*machine->facts.foreign_environment)
              << ". Run 'vfio-switch enable' on the machine itself.\n";
    return note_set_up(site.files(), pending_note(*machine->facts.foreign_environment));
  }
  if (site.files().exists(set_up_path)) return refresh(site, {}, images);
  const bool declined = site.files().exists(declined_path);
  if (declined && machine->state.intent == Intent::unset) {
    std::cout << "vfio-switch: passthrough was disabled before the package was removed, and stays "
                 "disabled. Run 'vfio-switch enable' to enable it.\n";
  }
  if (machine->settings.forbidden || machine->state.intent != Intent::unset || declined) {
    return note_set_up(site.files(), "done");
  }
  const auto make = [&](const FileReader& files, const Machine& now, const Journal&) {
    if (now.state.intent != Intent::unset) return Result<Plan>(no_change(now));
    EnableOptions options;
    options.automatic = true;
    options.is_set_up_off = !sets_up_by_itself;
    options.plan.may_adopt = false;
    options.plan.can_rebuild = images == Images::build;
    return Planner(files, now).enable(options);
  };
  const auto changed = site.change(make, images);
  // After it: one that was cut off by a power failure is tried again.
  if (auto noted = note_set_up(site.files(), "done"); !noted) return noted;
  if (!changed) return changed;
  if (site.changed()) {
    std::cout << "vfio-switch: passthrough is set up. " << reboot_and_check << "\n"
              << escape_text(machine->facts.command_line_locked);
  }
  return {};
}

Result<void> image_built(Site& site, const std::string& release) {
  const auto began = std::chrono::system_clock::now();
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->state.intent != Intent::enabled) return {};
  expect_kernel(machine->facts, release);
  auto status = Planner(site.files(), *machine).status();
  if (!status) return failure_of(status);
  leave_menu(site.files(), status->menu, began);
  const auto row = std::ranges::find(status->kernels, release, &KernelStatus::release);
  if (row == status->kernels.end() || !row->image || row->staged != false) return {};
  return fail("vfio-pci would not take the card with kernel " + release + ": " +
                  reason_text(row->reason.value_or(Reason())),
              "Run 'vfio-switch enable'.");
}

}  // namespace vfio_switch
