// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/tool_failure.h"

#include <algorithm>
#include <ranges>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

std::string last_lines(const std::string& output) {
  constexpr std::ptrdiff_t shown = 8;
  const auto lines = split_lines(output);
  std::string text;
  for (const auto line : lines | std::views::drop(std::max(std::ssize(lines) - shown, 0L))) {
    text += "\n    " + printable(line);
  }
  return text;
}

}  // namespace

std::string tool_end(const std::string& what, const CommandResult& result) {
  constexpr int signal_base = 128;
  return what + (result.exit_status > signal_base
                     ? ": killed by signal " + std::to_string(result.exit_status - signal_base)
                     : " with exit status " + std::to_string(result.exit_status));
}

std::string tool_failure(const std::string& what, const CommandResult& result) {
  return tool_end(what, result) + "; its last output:" + last_lines(result.output);
}

}  // namespace vfio_switch
