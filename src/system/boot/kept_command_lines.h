// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/files/config_line.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The kernel command lines that files keep for later boots and later kernels: GRUB's defaults,
/// /etc/kernel/cmdline, /etc/cmdline.d, and the entries of the Boot Loader Specification.
[[nodiscard]] std::vector<ConfigLine> read_kept_command_lines(const FileReader& files);

}  // namespace vfio_switch
