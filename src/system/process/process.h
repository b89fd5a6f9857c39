// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/error.h"

namespace vfio_switch {

/// What every program does first, so that it behaves alike whoever starts it: umask and environment
/// of its own, something open as standard input, output and error (a file of ours that is opened
/// must not get one of those numbers), and no death by a closed pipe. Refuses to run set-uid.
[[nodiscard]] Result<void> prepare_process();

/// True if something that was printed did not reach standard output, whose stream is flushed here.
/// A reader that went away, as head(1) does, has what it wanted.
[[nodiscard]] bool is_output_lost();

/// While one exists, INT, TERM and HUP end nothing by themselves: what is being changed is finished
/// first, and then taken back. One that was ignored (nohup) stays ignored.
class InterruptionGuard {
 public:
  InterruptionGuard();
  ~InterruptionGuard();
  InterruptionGuard(const InterruptionGuard&) = delete;
  InterruptionGuard& operator=(const InterruptionGuard&) = delete;
  InterruptionGuard(InterruptionGuard&&) = delete;
  InterruptionGuard& operator=(InterruptionGuard&&) = delete;
};

/// True if such a signal came since the guard was made.
[[nodiscard]] bool is_interrupted();

/// The Error of a command that is_interrupted() ended.
[[nodiscard]] std::unexpected<Error> interrupted_error();

}  // namespace vfio_switch
