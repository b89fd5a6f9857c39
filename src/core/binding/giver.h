// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/machine/facts.h"
#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

/// Something of somebody's own that gives devices to vfio-pci, or to pci-stub: a line of
/// modprobe.d, a word of the next boot's kernel command line, a line of the initramfs tool's lists,
/// or an override of driverctl's.
struct Giver {
  Item what;           ///< a Place or a Parameter
  std::string driver;  ///< "vfio-pci" or "pci-stub"
  /// What it names, whether or not this machine has such devices; empty: one device by address.
  std::optional<VfioIds> ids = {};
  std::vector<PciAddress> devices = {};        ///< that are there, without bridges
  std::optional<ModprobeDirective> line = {};  ///< where it is one
  /// False where other ids take the place of these: the kernel command line's that of modprobe.d's,
  /// a later line's that of an earlier one's.
  bool counts = true;

  /// The ids that no device has.
  [[nodiscard]] std::vector<VfioId> strangers(const SystemFacts& facts) const;
};

/// What the next boot's kernel gets: of the entry that starts then, else of the running system.
[[nodiscard]] const std::string& next_command_line(const SystemFacts& facts);

/// In the order of what counts first. `modprobe` are the files that are, or will be, there; ours
/// are no givers.
[[nodiscard]] std::vector<Giver> find_givers(const SystemFacts& facts,
                                             const std::vector<ModprobeFile>& modprobe);

/// What a person does so that `giver`, which has ids, gives `rest` alone.
[[nodiscard]] Remedy drop_ids(const SystemFacts& facts, const Giver& giver, const VfioIds& rest);

/// What a person does so that `giver` no longer gives `functions`, but what else it gives.
[[nodiscard]] Remedy release(const SystemFacts& facts, const Giver& giver,
                             const std::vector<PciAddress>& functions);

}  // namespace vfio_switch
