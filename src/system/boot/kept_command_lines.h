// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/doctor/host_config.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The kernel command lines that files keep for later boots and later kernels: GRUB's defaults,
/// /etc/kernel/cmdline, /etc/cmdline.d, and the entries of the Boot Loader Specification.
[[nodiscard]] std::vector<ConfigLine> read_kept_command_lines(const FileReader& files);

/// The lines by which initramfs tools and systemd-modules-load are told to load modules, beside
/// those lists that a plan goes by.
[[nodiscard]] std::vector<ConfigLine> read_module_lists(const FileReader& files);

}  // namespace vfio_switch
