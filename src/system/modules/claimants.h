// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Which modules could claim each of `functions`, in each kernel: what its modalias resolves to
/// under the machine's configuration and without any, blacklists ignored, since either may be
/// the one that counts after the next change of somebody's file.
[[nodiscard]] Result<std::vector<Claim>> find_claims(const FileReader& files,
                                                     const SystemFacts& facts,
                                                     const std::vector<PciAddress>& functions);

}  // namespace vfio_switch
