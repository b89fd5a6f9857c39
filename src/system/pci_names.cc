// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci_names.h"

#include <fcntl.h>

#include <array>

#include "system/mapped_text.h"

namespace vfio_switch {

PciNames read_pci_names(const std::set<PciId>& ids) {
  // Where Debian has it, and where Arch and Fedora do.
  constexpr std::array<const char*, 2> paths = {"/usr/share/misc/pci.ids",
                                                "/usr/share/hwdata/pci.ids"};
  for (const auto* path : paths) {
    const MappedText database(UniqueFd(::open(path, O_RDONLY | O_CLOEXEC)));
    if (!database.text().empty()) return find_pci_names(database.text(), ids);
  }
  return {};
}

}  // namespace vfio_switch
