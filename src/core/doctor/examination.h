// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/cards/intent.h"
#include "core/cards/refusal.h"
#include "core/cards/selection.h"
#include "core/doctor/doctor_facts.h"
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
  std::vector<Claim> claims;          ///< drivers that could bind `functions`, in each kernel
  Status status;                      ///< of the kept intent
  std::vector<LoadOrder> load_order;  ///< which driver binds `functions` at the next boot
  /// The same of what somebody's own configuration gives to vfio-pci, beside `functions`.
  std::vector<LoadOrder> given_order = {};
  std::optional<Refusal> interrupted = {};
};

/// True where vfio-pci is meant to have one of the cards: by us, or by somebody's own ids on
/// `options vfio-pci` or on the kernel command line.
[[nodiscard]] bool is_passthrough_wanted(const Examination& examination);

}  // namespace vfio_switch
