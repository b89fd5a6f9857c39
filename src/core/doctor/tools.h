// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// A file by which another tool that gives cards to guests, or takes them from the host, is known.
struct ToolTrace {
  std::string_view tool;
  std::string_view path;  ///< one that ends in '/' stands for every file in that directory
  std::string_view mark;  ///< the file must hold this; empty: its being there is enough
};

[[nodiscard]] const std::vector<ToolTrace>& tool_traces();

/// What removes the configuration of `tool`, beside its files.
struct ToolEnd {
  std::string_view tool;
  std::vector<std::string> command;  ///< its own, which takes its files away; empty: it has none
  bool leaves_files = true;          ///< files stay after the command, and have to be removed
  std::vector<std::string_view> parameters;  ///< keys that it put on the kernel command line
};

[[nodiscard]] const ToolEnd& tool_end(std::string_view tool);

/// The trace that `path` matches; null if none does.
[[nodiscard]] const ToolTrace* tool_of(std::string_view path, std::string_view content);

}  // namespace vfio_switch
