// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/plan/boot_record.h"

namespace vfio_switch {

/// A sentence without its full stop.
[[nodiscard]] std::string boot_finding_text(const BootFinding& finding);

/// The lines that a person is told: warnings, what was done, and the way back.
[[nodiscard]] std::string boot_warning(const BootRecord& record, bool command_line_locked);

/// How one boot is had without passthrough, or that it cannot.
[[nodiscard]] std::string escape_text(bool command_line_locked);

}  // namespace vfio_switch
