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

/// True if the firmware boots signed programs alone.
[[nodiscard]] bool is_secure_boot(const FileReader& files);

/// True if the running kernel's command line is part of a signed unified kernel image: booted
/// through systemd-stub (systemd-stub(7), StubInfo) with Secure Boot on.
[[nodiscard]] bool is_command_line_locked(const FileReader& files);

}  // namespace vfio_switch
