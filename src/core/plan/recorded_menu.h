// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/plan/entry_proof.h"

namespace vfio_switch {

/// `menu` as it was proved here, with the record of root's last run (see MenuRecord) in the place
/// of what this user may not read: marked with its time, and never called proved. `notes` gets why
/// a record that was needed says nothing.
[[nodiscard]] MenuProof with_record(MenuProof menu, const SystemFacts& facts,
                                    const std::vector<PciAddress>& functions,
                                    std::vector<Note>& notes);

}  // namespace vfio_switch
