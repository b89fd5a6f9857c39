// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/alpm_events.h"

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "apply/leave_menu.h"
#include "backend/package_events.h"
#include "core/base/text.h"
#include "core/tell/message_text.h"
#include "system/packages/alpm_hooks.h"
#include "system/packages/package_db.h"
#include "system/planner/planner.h"
#include "system/state/boot_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

/// The targets of a transaction, which pacman writes to the standard input of a hook.
std::vector<std::string> read_targets() {
  std::vector<std::string> targets;
  for (std::string line; std::getline(std::cin, line);) targets.push_back(line);
  return targets;
}

}  // namespace

Result<void> alpm_refresh(Site& site) {
  (void)read_targets();  // pacman complains of a hook that does not read them
  if (site.files().exists(set_up_path)) return refresh(site, {}, Images::leave);
  return post_install(site, Images::leave);
}

Result<void> alpm_check(Site& site) {
  const auto built = builds_images(site.files(), read_targets());
  site.set_refusals_told();  // alpm_refresh has said them
  if (!built) return refresh(site, {}, site.images());
  const auto began = std::chrono::system_clock::now();
  auto machine = read_machine(site.files());
  if (!machine) return failure_of(machine);
  if (machine->state.intent != Intent::enabled) return {};
  auto status = Planner(site.files(), *machine).status();
  if (!status) return failure_of(status);
  leave_menu(site.files(), status->menu, began);
  if (!status->refusals.empty()) return {};
  status->packages = read_packages(site.files(), machine->facts.kernels);
  for (const auto& kernel : status->kernels) {
    const bool has_none = kernel.image == std::nullopt;
    if (kernel.staged != false || has_none) continue;
    std::cerr << "vfio-switch: warning: the image of kernel "
              << printable(kernel.release + status->package_text(kernel.release))
              << " is not as configured: " << reason_text(kernel.reason.value_or(Reason()))
              << ". Fix the problem shown above, then run 'vfio-switch enable'.\n";
  }
  return {};
}

}  // namespace vfio_switch
