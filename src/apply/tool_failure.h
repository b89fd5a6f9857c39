// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "system/process/command_runner.h"

namespace vfio_switch {

/// What helps where a program has failed, or was not given what it needs.
inline constexpr std::string_view fix_and_repeat =
    "Fix the problem shown above, then run the command again.";

/// "WHAT with exit status 2", of a program that failed and whose output was shown.
[[nodiscard]] std::string tool_end(const std::string& what, const CommandResult& result);

/// "WHAT with exit status 2; its last output:" and the last lines of a program that failed.
[[nodiscard]] std::string tool_failure(const std::string& what, const CommandResult& result);

}  // namespace vfio_switch
