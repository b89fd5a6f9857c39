// SPDX-License-Identifier: GPL-3.0-or-later
#include <iostream>
#include <optional>

#include "apply/operation.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "core/tell/chain_text.h"
#include "core/tell/plan_text.h"
#include "core/tell/status_text.h"
#include "system/boot/esp_view.h"
#include "system/packages/package_db.h"
#include "system/planner/planner.h"
#include "system/state/boot_store.h"

namespace vfio_switch {

Result<int> status_command(const Options& options) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  // `status` is asked often, and by everybody: it goes by what was proved before.
  std::optional<EspView> esps;
  if (options.verb == Verb::verify) esps.emplace(**files);
  const FileReader& seen = esps ? *esps : **files;
  auto machine = read_machine(seen);
  if (!machine) return failure_of(machine);
  auto status = Planner(seen, *machine).status();
  if (!status) return failure_of(status);
  if (auto interrupted = interrupted_change(**files)) {
    status->refusals.insert(status->refusals.begin(), std::move(*interrupted));
  }
  status->packages = read_packages(**files, machine->facts.kernels);
  status->boot = load_boot_record(**files);
  const auto boot_id = read_boot_id(**files);
  status->boot_is_now = status->boot && boot_id && status->boot->boot_id == *boot_id;
  if (status->intent == Intent::unset) status->pending = pending_set_up(**files, PendingSetUp::any);
  const bool can_build = options.root == "/";
  std::cout << (options.json ? status_json(*status)
                             : status_text(machine->facts, *status, options.style, can_build));
  if (options.verbose && !options.json) std::cout << chains_text(*status, options.style);
  const bool short_fallen = options.verb == Verb::verify && !is_as_intended(*status);
  return short_fallen ? exit_fell_short : exit_done;
}

}  // namespace vfio_switch
