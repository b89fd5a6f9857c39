// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

/// A kernel command line is words between blanks; a '"' keeps blanks together, and behind a lone
/// "--" the words are not for the kernel. The rest of a line, with its order, quoting and blanks,
/// is not changed: for any line that add_parameter() accepts, remove_parameter(add_parameter(line))
/// is the same line, byte for byte.

/// True if `parameter` is a word of `line`.
[[nodiscard]] bool has_parameter(std::string_view line, std::string_view parameter);

/// True if a word of `line` sets `key` to a list, separated by commas, that holds `value`.
[[nodiscard]] bool has_value(std::string_view line, std::string_view key, std::string_view value);

/// `line`, which does not contain `parameter`, with it as the last one. Nothing if a quote is not
/// closed.
[[nodiscard]] std::optional<std::string> add_parameter(std::string_view line,
                                                       std::string_view parameter);

/// `line` without `parameter`; as it is where it has none.
[[nodiscard]] std::string remove_parameter(std::string_view line, std::string_view parameter);

}  // namespace vfio_switch
