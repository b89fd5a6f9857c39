// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

inline constexpr std::string_view kernelstub_settings_path = "/etc/kernelstub/configuration";
/// Read where the configuration does not exist, which is then written.
inline constexpr std::string_view kernelstub_defaults_path = "/etc/default/kernelstub";

/// kernelstub's configuration: JSON, whose object "user", or "default" where there is none, has
/// the list kernel_options; in old revisions a string. kernelstub reads all of it and writes it
/// anew, indented by 2. It has options for this as well, but when it removes one, the others end
/// up in an order that is left to chance.

[[nodiscard]] bool kernelstub_settings_have(std::string_view text, std::string_view parameter);

/// The options, as one command line; nothing where they are not found.
[[nodiscard]] std::optional<std::string> kernelstub_options(std::string_view text);

/// Adds to the end, in the form of the list. Nothing where the text is not understood, or the
/// kernel would not get what stands there.
[[nodiscard]] std::optional<std::string> add_kernelstub_parameter(std::string_view text,
                                                                  std::string_view parameter);
/// No other byte changes: of what add_kernelstub_parameter() made it makes `text`.
[[nodiscard]] std::string remove_kernelstub_parameter(std::string_view text,
                                                      std::string_view parameter);

/// A setting that says yes or no; nothing where it does not.
[[nodiscard]] std::optional<bool> kernelstub_flag(std::string_view text, std::string_view name);

}  // namespace vfio_switch
