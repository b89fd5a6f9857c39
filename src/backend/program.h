// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace vfio_switch {

/// The name under which vfio-switch-hook starts the front end's program: the events that need a
/// plan are in it, so that a package holds all that planning needs once.
inline constexpr const char* event_program = "vfio-switch-plan";

/// What the program does under that name; its exit status.
[[nodiscard]] int run_event(int argc, const char* const* argv);

}  // namespace vfio_switch
