// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// GRUB's settings, /etc/default/grub and what is sourced after it: shell script, of which only the
/// assignments to GRUB_CMDLINE_LINUX_DEFAULT and GRUB_CMDLINE_LINUX are understood, in every
/// quoting.
inline constexpr std::string_view grub_settings_path = "/etc/default/grub";

[[nodiscard]] bool grub_settings_have(std::string_view text, std::string_view parameter);

/// Adds to the last assignment, or adds one. Nothing where the script cannot be understood, as
/// where a quote stays open. No other byte changes: remove_grub_parameter(add_grub_parameter(text))
/// is text.
[[nodiscard]] std::optional<std::string> add_grub_parameter(std::string_view text,
                                                            std::string_view parameter);
[[nodiscard]] std::string remove_grub_parameter(std::string_view text, std::string_view parameter);

/// True if a kernel that `text`, a grub.cfg, starts gets `parameter`.
[[nodiscard]] bool grub_cfg_has(std::string_view text, std::string_view parameter);

}  // namespace vfio_switch
