// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci_names.h"

#include <array>

#include "system/file_reader.h"

namespace vfio_switch {

PciNames read_pci_names(const std::set<PciId>& ids) {
  // Where Debian has it, and where Arch and Fedora do.
  constexpr std::array<const char*, 2> paths = {"/usr/share/misc/pci.ids",
                                                "/usr/share/hwdata/pci.ids"};
  const auto files = open_reader("/");
  if (!files) return {};
  for (const auto* path : paths) {
    const auto database = (*files)->read(path);
    if (database && *database) return find_pci_names(**database, ids);
  }
  return {};
}

}  // namespace vfio_switch
