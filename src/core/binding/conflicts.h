// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/binding/binding.h"
#include "core/binding/override.h"
#include "core/cards/refusal.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// What else on the machine would defeat the binding of `functions`, by ids or, where there is a
/// reason, by address: kernels without a usable vfio-pci, other people's modprobe lines (`others`:
/// all but ours, in the order in which they are read) and kernel parameters. Files are named with
/// their line. Where vfio-pci is built in and binds by ids, these are the planner's matter.
[[nodiscard]] std::vector<Refusal> find_conflicts(const SystemFacts& facts,
                                                  const std::vector<ModprobeDirective>& others,
                                                  const std::vector<PciAddress>& functions,
                                                  const std::optional<Reason>& by_address);

/// What does not defeat us, but should be known: blacklist lines for a driver that would be the
/// fallback.
[[nodiscard]] std::vector<Note> find_hindrances(const std::vector<Claim>& claims,
                                                const std::vector<ModprobeDirective>& others);

}  // namespace vfio_switch
