// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

enum class Quoting { none, single_quotes, double_quotes };

/// A part of a shell word with one kind of quoting, its quotes included.
struct ShellSegment {
  Quoting quoting = Quoting::none;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// `NAME=value` or `NAME+=value` where a command begins.
struct ShellAssignment {
  std::string name;
  bool appends = false;  ///< by `+=`
  std::size_t line = 0;  ///< where the line that it stands in begins
  std::size_t value = 0;
  std::size_t end = 0;
  std::vector<ShellSegment> segments;  ///< of the value; none: it is empty
};

/// The assignments of a shell script, in order. Nothing where a quote or an expansion stays open.
/// Everything else is skipped: expansions are not carried out and conditions are not evaluated.
[[nodiscard]] std::optional<std::vector<ShellAssignment>> find_assignments(std::string_view script);

/// `line` without the comment at its end: '#' begins one outside quotes, where a word could begin.
[[nodiscard]] std::string_view without_comment(std::string_view line);

/// The value of an assignment without its quoting; expansions stay as they are written.
[[nodiscard]] std::string unquoted(std::string_view script, const ShellAssignment& assignment);

}  // namespace vfio_switch
