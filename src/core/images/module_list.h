// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/message/remedy.h"

namespace vfio_switch {

/// Takes `modules` out of a line of a list of modules: the whole line where it names nothing else,
/// as in initramfs-tools' lists; of `MODULES=(a b)` and `add_drivers+=" a b "` these words alone.
[[nodiscard]] Edit without_modules(const Place& place, std::string_view line,
                                   const std::vector<std::string>& modules);

}  // namespace vfio_switch
