// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>

#include "core/pci_ids.h"

namespace vfio_switch {

/// Names from the PCI ID database of the system that the program runs on, whichever root it looks
/// at; none where that has no database.
[[nodiscard]] PciNames read_pci_names(const std::set<PciId>& ids);

}  // namespace vfio_switch
