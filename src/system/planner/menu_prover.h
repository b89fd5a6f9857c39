// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/entry_proof.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What each entry of the boot menu does with `functions`, as files and images are now: its own
/// images with its own command line, then the real root.
[[nodiscard]] Result<MenuProof> prove_menu(const FileReader& files, const SystemFacts& facts,
                                           const std::vector<PciAddress>& functions,
                                           const std::vector<Claim>& claims);

}  // namespace vfio_switch
