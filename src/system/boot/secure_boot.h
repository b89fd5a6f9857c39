// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "system/files/file_reader.h"

namespace vfio_switch {

/// True if the firmware boots signed programs alone.
[[nodiscard]] bool is_secure_boot(const FileReader& files);

/// True if the running kernel's command line is part of a signed unified kernel image: booted
/// through systemd-stub (systemd-stub(7), StubInfo) with Secure Boot on.
[[nodiscard]] bool is_command_line_locked(const FileReader& files);

}  // namespace vfio_switch
