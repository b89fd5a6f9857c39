// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/files/config_line.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The lines by which initramfs tools and systemd-modules-load are told to load modules, beside
/// those lists that a plan goes by.
[[nodiscard]] std::vector<ConfigLine> read_module_lists(const FileReader& files);

}  // namespace vfio_switch
