// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "backend/event.h"
#include "core/base/error.h"

namespace vfio_switch {

/// Carries out one event. Each is idempotent, silent when there is nothing to say, and asks
/// nothing. An Error is told as a warning: no event makes a package transaction fail.
[[nodiscard]] Result<void> handle(const Event& event);

[[nodiscard]] Result<Event> parse_event(int argc, const char* const* argv);

}  // namespace vfio_switch
