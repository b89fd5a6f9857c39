// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/plan/entry_proof.h"
#include "system/files/file_reader.h"
#include "system/images/opened_images.h"

namespace vfio_switch {

/// What the entries of the boot menu do with `functions`, as files and images are now: each with
/// its own images and its own command line, then the real root.
[[nodiscard]] Result<MenuProof> prove_menu(const FileReader& files, const SystemFacts& facts,
                                           const std::vector<PciAddress>& functions,
                                           const std::vector<Claim>& claims,
                                           const OpenedImages& opened);

}  // namespace vfio_switch
