// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/progress.h"

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>

#include "core/base/text.h"
#include "core/tell/message_text.h"

namespace vfio_switch {

namespace {

constexpr std::int64_t seconds_per_minute = 60;
constexpr const char* clear_line = "\r\033[K";

}  // namespace

Progress make_progress() {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const auto line = std::make_shared<std::string>();  // the one that is shown below the output
  Progress progress;
  progress.on_change = [](const Change& change) {
    if (!std::holds_alternative<RebuildInitramfs>(change)) {
      std::cerr << action_text(change) << "\n";
    }
  };
  progress.on_rebuild = [terminal, line](const RebuildInitramfs& rebuild, std::size_t number,
                                         std::size_t count, std::chrono::seconds elapsed) {
    *line = "rebuild " + printable(rebuild.image) + " (" + std::to_string(number) + " of " +
            std::to_string(count) + ")";
    if (terminal) {
      std::cerr << clear_line << *line << " ... " << elapsed.count() << " s" << std::flush;
    } else if (elapsed.count() == 0) {
      std::cerr << *line << "\n";
    } else if (elapsed.count() % seconds_per_minute == 0) {
      // Whoever waits for a package's scripts sees what they wait for.
      std::cerr << "vfio-switch: still at work after " << elapsed.count() / seconds_per_minute
                << " min: " << *line << "\n";
    }
  };
  progress.on_rebuilt = [terminal] {
    if (terminal) std::cerr << "\n";  // the line stays, and tells how long it took
  };
  progress.on_tool_output = [terminal, line](std::string_view text) {
    if (terminal) std::cerr << clear_line;
    std::cerr << "  " << printable(text) << "\n";
    if (terminal) std::cerr << *line << std::flush;
  };
  progress.on_recovery = [](std::string_view what) {
    std::cerr << "vfio-switch: " << what << "\n";
  };
  return progress;
}

}  // namespace vfio_switch
