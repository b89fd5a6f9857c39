// SPDX-License-Identifier: GPL-3.0-or-later
#include <iostream>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "cli/json_output.h"
#include "core/base/text.h"
#include "core/plan/parameter_refusals.h"
#include "core/tell/devices_text.h"
#include "system/boot/boot_loaders.h"
#include "system/machine/probe.h"
#include "system/machine/profile_store.h"
#include "system/state/state_store.h"

namespace vfio_switch {

Result<int> devices_command(const Options& options) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  auto facts = probe_devices(**files);
  if (!facts) return failure_of(facts);
  auto settings = load_settings(**files);
  if (!settings) return failure_of(settings);
  auto state = load_state(**files);
  if (!state) return failure_of(state);
  SelectionRequest request{settings->devices, {}, state->accepted_risks};
  if (request.named.empty()) request.kept = state->cards;
  request.extra = extra_request(settings->extra_devices, *state);
  auto selection = select(*facts, request);
  facts->boot_loader = find_boot_loader(**files);
  for (auto& candidate : selection.gpus) explain_parameters(candidate.refusals, *facts);
  for (const auto& file : facts->unread) {
    std::cerr << "vfio-switch: warning: " << printable(file.path)
              << " could not be read: " << file.why << "\n";
  }
  std::optional<std::vector<ExtraCandidate>> extra;
  if (options.all) extra = extra_candidates(*facts, request, selection);
  if (options.json) {
    std::cout << devices_json(*facts, selection, extra);
  } else if (options.dot) {
    std::cout << devices_dot(*facts, selection);
  } else {
    std::cout << devices_text(*facts, selection, extra, options.verbose, options.style);
  }
  return exit_done;
}

}  // namespace vfio_switch
