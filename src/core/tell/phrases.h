// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace vfio_switch {

// Sentences that several programs or commands end with.

/// After a change of which only a boot can show what comes of it.
inline constexpr std::string_view reboot_and_check = "Reboot, then run 'vfio-switch status'.";

}  // namespace vfio_switch
