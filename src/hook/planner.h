// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace vfio_switch {

/// Has vfio-switch-plan carry out `event`, with the words that this program was given; standard
/// input and output are its own. It may lack a library, crash or be missing altogether: then a
/// warning says so. True if it came to its end.
[[nodiscard]] bool hand_on(const std::string& event, char** argv);

}  // namespace vfio_switch
