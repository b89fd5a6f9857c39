// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/binding/generated_files.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// The softdep lines that make vfio-pci load first.
struct SoftdepLines {
  std::vector<SoftdepLine> plain;   ///< for vfio.conf
  std::vector<SoftdepLine> merged;  ///< for 00-vfio-softdep.conf: modules whose plain line would be
                                    ///< shadowed, with what the shadowing lines ask for
};

/// The lines for `claimants`, beside the configuration `others` (all files but ours). A module with
/// an install command gets none: a softdep would switch the command off, and with it the way that
/// the host loads the driver (Debian's nvidia). There the image claims the card.
[[nodiscard]] SoftdepLines softdep_lines(const SystemFacts& facts,
                                         const std::set<std::string>& claimants,
                                         const std::vector<ModprobeFile>& others);

/// The lines where the vfio.conf of `config` is somebody else's and stays: `merged` alone, for the
/// modules before which the configuration does not have vfio-pci loaded yet.
[[nodiscard]] SoftdepLines softdep_lines_beside(const SystemFacts& facts,
                                                const std::set<std::string>& claimants,
                                                const std::vector<ModprobeFile>& config);

/// Where a line of somebody else's under `config` lets another module than vfio-pci come first in
/// `order`; null where no line does.
[[nodiscard]] std::optional<Place> shadowing_line(const std::vector<ModprobeFile>& config,
                                                  const Kernel& kernel, const LoadOrder& order);

}  // namespace vfio_switch
