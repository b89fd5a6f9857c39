// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/error.h"

namespace vfio_switch {

/// Called first by every program, so that it behaves the same whoever starts it: it sets umask and
/// environment, makes sure that standard input, output and error are open (no file that we open may
/// get one of these numbers), and ignores SIGPIPE. Refuses to run set-uid.
[[nodiscard]] Result<void> prepare_process();

/// True if something that was printed did not reach standard output, whose stream is flushed here.
/// A reader that went away, as head(1) does, has what it wanted.
[[nodiscard]] bool is_output_lost();

/// While one exists, INT, TERM and HUP do not end the program: the current change is completed, and
/// then everything is undone. A signal that was ignored before (nohup) stays ignored.
class InterruptionGuard {
 public:
  InterruptionGuard();
  ~InterruptionGuard();
  InterruptionGuard(const InterruptionGuard&) = delete;
  InterruptionGuard& operator=(const InterruptionGuard&) = delete;
  InterruptionGuard(InterruptionGuard&&) = delete;
  InterruptionGuard& operator=(InterruptionGuard&&) = delete;
};

/// True if such a signal has arrived since the guard was created.
[[nodiscard]] bool is_interrupted();

/// The Error of a command that is_interrupted() ended.
[[nodiscard]] std::unexpected<Error> interrupted_error();

}  // namespace vfio_switch
