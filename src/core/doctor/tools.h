// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

namespace vfio_switch {

/// A file by which another tool that gives cards to guests, or takes them from the host, is known.
struct ToolTrace {
  std::string_view tool;
  std::string_view path;  ///< one that ends in '/' stands for every file in that directory
  std::string_view mark;  ///< the file must hold this; empty: its being there is enough
  std::string_view remedy;
};

[[nodiscard]] const std::vector<ToolTrace>& tool_traces();

/// The trace that a file is; null where it is nobody's.
[[nodiscard]] const ToolTrace* tool_of(std::string_view path, std::string_view content);

}  // namespace vfio_switch
