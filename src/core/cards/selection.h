// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/cards/extra_devices.h"
#include "core/cards/intent.h"
#include "core/cards/refusal.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/pci/device_spec.h"

namespace vfio_switch {

/// Which card is wanted. With neither names nor a kept choice the only eligible card is taken, if
/// it is known which GPU drives the boot display; where none is eligible, the only one against
/// which the accepted risks leave nothing.
struct SelectionRequest {
  std::vector<DeviceSpec> named;   ///< --device, or `device` in the settings
  std::vector<CardIdentity> kept;  ///< the choice of an earlier enable; `named` replaces it
  std::vector<RefusalCode> accepted_risks;  ///< boot-gpu (covers only-gpu) and display-in-use
  bool iommu_coming = false;  ///< the next boot turns the IOMMU on: isolation is judged after it
  ExtraRequest extra = {};    ///< what goes with the card
};

/// What an earlier enable chose.
[[nodiscard]] SelectionRequest kept_choice(const State& state);

/// One display function, and why its card cannot be passed through.
struct Candidate {
  PciAddress gpu;
  std::vector<PciAddress> functions;  ///< the whole card, the GPU included, sorted
  std::vector<Refusal> refusals;      ///< empty: eligible
  bool selected = false;

  [[nodiscard]] bool eligible() const { return refusals.empty(); }
};

/// Which card is passed through, or why none is.
struct Selection {
  std::vector<Candidate> gpus;              ///< every display-class function, sorted by address
  std::vector<CardIdentity> cards;          ///< the chosen GPUs
  std::vector<CardIdentity> extra_devices;  ///< what goes with them
  std::vector<PciAddress> functions;        ///< of the chosen cards, and `extra_devices`; sorted
  std::vector<Refusal> refusals;            ///< why no card can be passed through; empty: go on
  std::vector<Note> notes;                  ///< what a person should know, such as a moved address
  std::vector<RefusalCode> accepted_risks;  ///< as in the request
};

/// What could go with the card that `request` selected, sorted by address.
[[nodiscard]] std::vector<ExtraCandidate> extra_candidates(const SystemFacts& facts,
                                                           const SelectionRequest& request,
                                                           const Selection& selection);

/// Decides which cards are chosen, and finds every reason against each graphics card.
[[nodiscard]] Selection select(const SystemFacts& facts, const SelectionRequest& request);

}  // namespace vfio_switch
