// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace vfio_switch {

/// What turns `before` into `after`, as a unified diff (diff -u) whose files are called `old_name`
/// and `new_name`; empty where nothing differs. For display: control characters become '?',
/// and a long one is cut off, which is said.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view old_name, std::string_view new_name);

}  // namespace vfio_switch
