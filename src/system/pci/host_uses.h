// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/pci/pci.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Adds to each function what the host has below it: disks and what they are used for, keyboards,
/// and the network interfaces of the default route. True if a keyboard is below none of them.
[[nodiscard]] bool read_host_uses(const FileReader& files, std::vector<PciDevice>& devices);

}  // namespace vfio_switch
