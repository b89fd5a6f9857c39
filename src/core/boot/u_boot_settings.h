// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

/// Read first; then /usr/share/u-boot-menu/conf.d/*.conf and /etc/u-boot-menu/conf.d/*.conf.
inline constexpr std::string_view u_boot_defaults_path = "/etc/default/u-boot";

/// u-boot-update(8)'s settings: shell script, of which only the assignments to U_BOOT_PARAMETERS
/// are understood.

[[nodiscard]] bool u_boot_settings_have(std::string_view text, std::string_view parameter);

/// True if they leave something in the variable: otherwise other sources count.
[[nodiscard]] bool u_boot_settings_say(std::string_view text);

/// Adds to the last assignment of anything, or adds one that keeps what is there by default.
/// Nothing where the script cannot be understood.
[[nodiscard]] std::optional<std::string> add_u_boot_parameter(std::string_view text,
                                                              std::string_view parameter);
/// No other byte changes: of what add_u_boot_parameter() made it makes `text`.
[[nodiscard]] std::string remove_u_boot_parameter(std::string_view text,
                                                  std::string_view parameter);

}  // namespace vfio_switch
