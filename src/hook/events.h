// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"

namespace vfio_switch {

/// What a package hook, or a rescue shell, asks for.
struct Event {
  std::string root = "/";  ///< --sysroot
  std::string name;        ///< "post-install", "kernel-added", ..., "disable", "rollback"
  std::vector<std::string> arguments;  ///< a kernel release
};

/// Carries out one event. Each is idempotent, silent when there is nothing to say, and asks
/// nothing. An Error is told as a warning: no event makes a package transaction fail.
[[nodiscard]] Result<void> handle(const Event& event);

/// True for `disable` and `rollback`, which people call: their failure is an exit status.
[[nodiscard]] bool is_command(const Event& event);

[[nodiscard]] Result<Event> parse_event(int argc, const char* const* argv);

}  // namespace vfio_switch
