// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "cli/options.h"
#include "core/base/error.h"

namespace vfio_switch {

/// Exit statuses beside those of an Error: exit_status().
inline constexpr int exit_done = 0;
inline constexpr int exit_refused = exit_status(ErrorKind::refused);
inline constexpr int exit_fell_short = 5;

/// The failure of a command that was not run as root.
[[nodiscard]] inline Error needs_root(const std::string& command, const std::string& why) {
  return {ErrorKind::permission, "'" + command + "' needs root: " + why, "Run it as root."};
}

/// One command each: runs it, prints the result, and returns the exit status.
[[nodiscard]] Result<int> devices_command(const Options& options);
[[nodiscard]] Result<int> status_command(const Options& options);  ///< also `verify`
[[nodiscard]] Result<int> plan_command(const Options& options);
[[nodiscard]] Result<int> doctor_command(const Options& options);
[[nodiscard]] Result<int> report_command(const Options& options);
[[nodiscard]] Result<int> change_command(const Options& options);  ///< enable, disable, rollback

}  // namespace vfio_switch
