// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// Settings that a shell sources: of the script only the assignments to `variables` are understood,
/// in every quoting. The first one is added to where none is assigned.
struct ShellSettings {
  std::vector<std::string_view> variables;
  /// Begins the value of an assignment that is added: what the variable had before, or what counts
  /// where it is empty. Where it is given, an empty value is as good as none.
  std::string_view former = {};
};

/// True if the first variable is not empty in the end.
[[nodiscard]] bool leave_value(const ShellSettings& settings, std::string_view text);

[[nodiscard]] bool has_parameter(const ShellSettings& settings, std::string_view text,
                                 std::string_view parameter);

/// Adds to the last assignment, or adds one. Nothing where the script cannot be understood, as
/// where a quote stays open. No other byte changes: what remove_parameter() makes of it is `text`.
[[nodiscard]] std::optional<std::string> add_parameter(const ShellSettings& settings,
                                                       std::string_view text,
                                                       std::string_view parameter);
[[nodiscard]] std::string remove_parameter(const ShellSettings& settings, std::string_view text,
                                           std::string_view parameter);

}  // namespace vfio_switch
