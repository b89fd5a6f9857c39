// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/error.h"
#include "hook/event.h"

namespace vfio_switch {

/// Carries out one event. Each is idempotent, silent when there is nothing to say, and asks
/// nothing. An Error is told as a warning: no event makes a package transaction fail.
[[nodiscard]] Result<void> handle(const Event& event);

/// True for `disable` and `rollback`, which people call: their failure is an exit status.
[[nodiscard]] bool is_command(const Event& event);

[[nodiscard]] Result<Event> parse_event(int argc, const char* const* argv);

}  // namespace vfio_switch
