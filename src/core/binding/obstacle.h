// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message/data.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

/// What keeps udev from loading `module` for a device: a line of modprobe's configuration (a
/// Place), or a word of `command_line` (a Parameter). Nothing where nothing does.
[[nodiscard]] std::optional<Item> obstacle_of(const std::vector<ModprobeDirective>& lines,
                                              std::string_view command_line,
                                              const std::string& module);

}  // namespace vfio_switch
