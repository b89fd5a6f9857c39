// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

/// Read last, and where the tool's installation leaves its settings.
inline constexpr std::string_view limine_defaults_path = "/etc/default/limine";

/// limine-entry-tool's settings (limine-entry-tool.conf): KERNEL_CMDLINE[default]=... replaces,
/// += appends. It is no shell: a quote at each end is cut off. What begins with '#' behind a value
/// is a comment.

[[nodiscard]] bool limine_settings_have(std::string_view text, std::string_view parameter);

/// True if a line for all kernels replaces what files before this one said, so that a drop-in that
/// is read before it has no effect.
[[nodiscard]] bool limine_settings_replace(std::string_view text);

/// True if any line says what kernels get: the tool goes by /etc/kernel/cmdline otherwise.
[[nodiscard]] bool limine_settings_say(std::string_view text);

/// Adds to the last line for all kernels. Nothing where there is none, or it ends in what is no
/// value.
[[nodiscard]] std::optional<std::string> add_limine_parameter(std::string_view text,
                                                              std::string_view parameter);
/// No other byte changes: of what add_limine_parameter() made it makes `text`.
[[nodiscard]] std::string remove_limine_parameter(std::string_view text,
                                                  std::string_view parameter);

}  // namespace vfio_switch
