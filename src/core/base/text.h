// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// Without leading and trailing blanks, tabs and line ends.
[[nodiscard]] std::string_view trim(std::string_view text);

/// The lines of `text` without their line ends; a last line without one counts too.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

/// The views would outlive the text.
std::vector<std::string_view> split_lines(std::string&& text) = delete;

/// The words of `text`, separated by any of `separators`; empty words are dropped.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text,
                                                        std::string_view separators = " \t");

std::vector<std::string_view> split_words(std::string&& text,
                                          std::string_view separators = " \t") = delete;

[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// What stands in front of the last part of an enumeration.
enum class Conjunction { all_of, one_of };

/// "a", "a and b", "a, b and c"; with one_of "a, b or c".
[[nodiscard]] std::string enumerate(const std::vector<std::string>& parts,
                                    Conjunction conjunction = Conjunction::all_of);

/// A whole number in base 16 without prefix, or nothing.
[[nodiscard]] std::optional<unsigned> parse_hex(std::string_view text);

/// Lower-case hex, padded with zeros to `width`.
[[nodiscard]] std::string to_hex(unsigned value, int width);

/// ASCII letters in lower case; all else stays.
[[nodiscard]] std::string lower_case(std::string_view text);

/// Orders "6.1.0-9" before "6.1.0-10": digits compare as numbers, the rest as bytes.
[[nodiscard]] bool version_less(std::string_view left, std::string_view right);

/// Text from outside, safe to print: control characters, and bytes that are not UTF-8, become '?'.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace vfio_switch
