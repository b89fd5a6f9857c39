// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/rows.h"

#include <utility>

#include "core/cards/card.h"

namespace vfio_switch::test {

Examination healthy(const SystemFacts& facts, const State& state) {
  Examination examination;
  examination.facts = facts;
  examination.state = state;
  examination.selection = select(facts, {{}, state.cards, state.accepted_risks});
  examination.functions = cards_in_question(facts, examination.selection);
  examination.claims = usual_claims(facts, examination.functions);
  examination.status.intent = state.intent;
  for (const auto& kernel : facts.kernels) {
    examination.status.kernels.push_back({kernel.release, kernel.initramfs, true, {}});
  }
  for (const auto& address : examination.selection.functions) {
    examination.status.devices.push_back({address, "vfio-pci", "vfio-pci", true});
  }
  for (const auto& claim : examination.claims) {
    examination.load_order.push_back(
        {claim.kernel, claim.device, {"vfio_pci"}, {}, "vfio-pci", Stage::root, true, {}});
  }
  return examination;
}

Examination enabled(const FactsBuilder& machine) {
  const auto facts = machine.facts();
  return healthy(facts, {Intent::enabled, select(facts, {}).cards, {}});
}

Examination with(Examination examination, const std::function<void(Examination&)>& change) {
  change(examination);
  return examination;
}

}  // namespace vfio_switch::test
