// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "system/process/command_runner.h"

namespace vfio_switch {

/// "WHAT with exit status 2; its last output:" and the last lines of a program that failed.
[[nodiscard]] std::string tool_failure(const std::string& what, const CommandResult& result);

}  // namespace vfio_switch
