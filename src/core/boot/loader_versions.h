// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace vfio_switch {

/// How boot loaders order versions. Each gives a negative number where `left` is older, 0 where
/// both are the same to it.

/// GRUB's (blscfg.c, after rpm's rpmvercmp).
[[nodiscard]] int compare_rpm_versions(std::string_view left, std::string_view right);

/// systemd-boot's (strverscmp_improved).
[[nodiscard]] int compare_systemd_versions(std::string_view left, std::string_view right);

/// True if `name` matches the pattern of systemd-boot's `default`: '*', '?', '[a-z]', '\' escapes.
/// Both are to be in lower case.
[[nodiscard]] bool matches_entry_pattern(std::string_view pattern, std::string_view name);

}  // namespace vfio_switch
