// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "core/pci.h"

namespace vfio_switch {

/// For people only: nothing is decided by a name.
using PciNames = std::map<PciId, std::string>;

/// The names of `ids` in the text of a PCI ID database (pci.ids(5)): "NVIDIA Corporation GP108
/// [GeForce GT 1030]", or the vendor's alone; no entry where the database has neither. libpci
/// takes all of the database apart, which lasts longer than everything else that a plan needs.
[[nodiscard]] PciNames find_pci_names(std::string_view database, const std::set<PciId>& ids);

}  // namespace vfio_switch
