// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string_view>

#include "core/files/diff.h"

namespace vfio_switch {

/// Who is told how a transaction goes; every member may be empty.
struct Progress {
  std::function<void(const Change& change)> on_change;
  /// Before a rebuild, and once a second while it runs: which kernel, `number` of `count`.
  std::function<void(const RebuildInitramfs& rebuild, std::size_t number, std::size_t count,
                     std::chrono::seconds elapsed)>
      on_rebuild;
  std::function<void()> on_rebuilt;  ///< the rebuild ended, well or not
  std::function<void(std::string_view line)> on_tool_output;
  std::function<void(std::string_view what)> on_recovery;  ///< what became of an interrupted change
};

/// Tells on standard error what is being done: on a terminal with a line that counts the seconds
/// of a rebuild, elsewhere with plain lines, one a minute while something runs.
[[nodiscard]] Progress make_progress();

}  // namespace vfio_switch
