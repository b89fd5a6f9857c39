// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/cards/intent.h"
#include "core/cards/refusal.h"
#include "core/cards/selection.h"
#include "core/doctor/doctor_facts.h"
#include "core/doctor/finding.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/status.h"

namespace vfio_switch {

/// Everything that a diagnosis is made from: a plain value, so that every finding is a table test.
struct Examination {
  SystemFacts facts;
  DoctorFacts more;
  State state;
  Selection selection;
  /// What the findings are about: cards_in_question().
  std::vector<PciAddress> functions;
  std::vector<Claim> claims;          ///< who could take `functions`, in each kernel
  Status status;                      ///< of the kept intent
  std::vector<LoadOrder> load_order;  ///< who gets `functions` with the next boot
  std::optional<Refusal> interrupted;
};

/// The functions of the cards that a person asks about, sorted: those that are chosen, else the
/// ones that least stands in the way of, beside the processor's own graphics and a management
/// controller's.
[[nodiscard]] std::vector<PciAddress> cards_in_question(const SystemFacts& facts,
                                                        const Selection& selection);

/// True where vfio-pci is meant to have one of the cards: by us, or by somebody's own ids on
/// `options vfio-pci` or on the kernel command line.
[[nodiscard]] bool is_passthrough_wanted(const Examination& examination);

/// What is wrong, or will be: problems first, then warnings, then notes.
[[nodiscard]] std::vector<Finding> diagnose(const Examination& examination);

}  // namespace vfio_switch
