// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Why what /sys shows is not the hardware of the system at "/": "a chroot", "a container", "a live
/// system". Nothing where it is; never asked of a --sysroot, whose user knows what is in it.
[[nodiscard]] Result<std::optional<std::string>> foreign_environment(
    const FileReader& files, std::string_view kernel_command_line);

}  // namespace vfio_switch
