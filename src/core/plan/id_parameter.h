// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/cards/refusal.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// vfio-pci.ids= for a card that is bound by ids, where vfio-pci is built into a kernel; nothing
/// where it needs none.
[[nodiscard]] std::optional<std::string> id_parameter(const SystemFacts& facts,
                                                      const std::vector<PciAddress>& functions,
                                                      const std::vector<Claim>& claims);

/// Why `parameter`, which is needed for `why`, is not added to a command line that has `former`: a
/// second word would take its devices from the first, and a change of that could not be undone when
/// the card is given back.
[[nodiscard]] Refusal refuse_second_ids(const SystemFacts& facts,
                                        const std::vector<PciAddress>& functions,
                                        const std::string& parameter, const std::string& former,
                                        const Reason& why);

/// Why drivers that are built in, as vfio-pci is, need no binding by address: each reason once.
[[nodiscard]] std::vector<Note> explain_built_in(const SystemFacts& facts,
                                                 const std::vector<Claim>& claims);

}  // namespace vfio_switch
