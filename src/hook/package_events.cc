// SPDX-License-Identifier: GPL-3.0-or-later
#include "hook/package_events.h"

#include <algorithm>
#include <iostream>

#include "apply/lock.h"
#include "apply/rollback.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"
#include "core/tell/plan_text.h"
#include "system/planner/planner.h"
#include "system/state/boot_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

Result<void> note_set_up(FileStore& files, const std::string& text) {
  if (auto made = make_state_directories(files); !made) return made;
  return files.replace(set_up_path, RegularFile{text + "\n", 0644, 0, 0});
}

/// Without an intent no image was ever changed.
Result<void> list_images(Site& site) {
  const auto machine = read_machine(site.files());
  if (!machine) return std::unexpected(machine.error());
  if (machine->state.intent == Intent::unset) return {};
  std::string text;
  for (const auto& kernel : machine->facts.kernels) {
    if (kernel.initramfs) text += kernel.release + " " + *kernel.initramfs + "\n";
  }
  return site.files().replace(images_path, RegularFile{text, 0644, 0, 0});
}

}  // namespace

Result<void> disable(Site& site) {
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal&) {
    PlanOptions options;
    options.can_rebuild = site.can_rebuild();
    return Planner(files, machine).disable(options);
  };
  return site.change(make, site.can_rebuild(), false);
}

BootSite boot_site(Site& site) {
  return {site.files(), site.can_rebuild(), [&site] { return disable(site); }};
}

Result<void> refresh(Site& site, const std::string& built_elsewhere, bool rebuild) {
  auto state = load_state(site.files());
  if (!state) return failure_of(state);
  if (state->intent != Intent::enabled) return {};
  const auto given_up = give_up_after_failed_boots(boot_site(site));
  if (!given_up) return std::unexpected(given_up.error());
  if (*given_up) return {};
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal&) {
    // A disable may have held the lock until now.
    if (machine.state.intent != Intent::enabled) return Result<Plan>(no_change(machine));
    EnableOptions options;
    options.may_add_parameters = false;
    options.plan.can_rebuild = rebuild;
    options.plan.built_elsewhere = built_elsewhere;
    return Planner(files, machine).enable(options);
  };
  return site.change(make, rebuild, false);
}

Result<void> post_install(Site& site, bool rebuild) {
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->facts.foreign_environment) {
    std::cout << "vfio-switch: setup is pending: this is " << *machine->facts.foreign_environment
              << ". Run 'vfio-switch enable' on the machine itself.\n";
    return note_set_up(site.files(), "pending: " + *machine->facts.foreign_environment);
  }
  if (site.files().exists(set_up_path)) return refresh(site, {}, rebuild);
  if (machine->settings.forbidden || machine->state.intent != Intent::unset) {
    return note_set_up(site.files(), "done");
  }
  const auto make = [&](const FileReader& files, const Machine& now, const Journal&) {
    if (now.state.intent != Intent::unset) return Result<Plan>(no_change(now));
    EnableOptions options;
    options.automatic = true;
    options.plan.can_rebuild = rebuild;
    return Planner(files, now).enable(options);
  };
  const auto changed = site.change(make, rebuild, false);
  // After it: one that was cut off by a power failure is tried again.
  if (auto noted = note_set_up(site.files(), "done"); !noted) return noted;
  if (!changed) return changed;
  if (site.changed()) {
    std::cout << "vfio-switch: at the next boot vfio-pci will take the card.\n"
              << escape_text(machine->facts.command_line_locked);
  }
  return {};
}

Result<void> pre_remove(Site& site) {
  const auto make = [](const FileReader& files, const Machine& machine, const Journal& journal) {
    PlanOptions options;
    options.edited = EditedFiles::save;
    options.can_rebuild = false;
    auto plan = plan_rollback(files, machine, journal, options);
    if (plan) plan->state = machine.state;
    return plan;
  };
  if (site.files().exists(motd_path)) (void)site.files().replace(motd_path, Absent{});
  // Before the change: where it is cut off, the images still follow what its recovery leaves.
  if (auto listed = list_images(site); !listed) return listed;
  return site.change(make, false, true);
}

Result<void> rollback(Site& site) {
  const auto make = [&](const FileReader& files, const Machine& machine, const Journal& journal) {
    PlanOptions options;
    options.can_rebuild = site.can_rebuild();
    return plan_rollback(files, machine, journal, options);
  };
  return site.change(make, site.can_rebuild(), true);
}

Result<void> image_built(Site& site, const std::string& release) {
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->state.intent != Intent::enabled) return {};
  auto status = Planner(site.files(), *machine).status();
  if (!status) return failure_of(status);
  const auto row = std::ranges::find(status->kernels, release, &KernelStatus::release);
  if (row == status->kernels.end() || !row->image || row->staged != false) return {};
  return fail("vfio-pci would not take the card with kernel " + release + ": " +
                  reason_text(row->reason.value_or(Reason())),
              "Run 'vfio-switch enable'.");
}

}  // namespace vfio_switch
