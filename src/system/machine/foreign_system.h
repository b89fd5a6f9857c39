// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/message/reason_cause.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Why what /sys shows is not the hardware of the system at "/": we are in a chroot, a container or
/// a live system. Nothing where it is; never asked of a --sysroot, whose user knows what is in it.
[[nodiscard]] Result<std::optional<ReasonCause>> foreign_environment(
    const FileReader& files, std::string_view kernel_command_line);

}  // namespace vfio_switch
