// SPDX-License-Identifier: GPL-3.0-or-later
#include <iostream>

#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/plan_request.h"
#include "core/tell/plan_text.h"
#include "system/boot/esp_view.h"

namespace vfio_switch {

Result<int> plan_command(const Options& options) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  auto made = preview(EspView(**files), plan_for(options),
                      options.verb == Verb::rollback ? JournalUse::needed : JournalUse::optional);
  if (!made) return failure_of(made);
  auto& [machine, plan] = *made;
  if (auto interrupted = interrupted_change(**files)) {
    plan.refusals.insert(plan.refusals.begin(), std::move(*interrupted));
    plan.diff.clear();  // it would start from a state that is undone first
  }
  // `plan` is asked for the details; for the others --dry-run is a short answer.
  const bool details = options.verb == Verb::plan || options.verbose;
  std::cout << (options.json ? plan_json(plan)
                             : plan_text(machine.facts, plan, details, options.style));
  return plan.refusals.empty() ? exit_done : exit_refused;
}

}  // namespace vfio_switch
