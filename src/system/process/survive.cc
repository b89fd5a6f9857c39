// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/process/survive.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

namespace vfio_switch {

Survival survive(std::chrono::seconds patience, const std::function<bool()>& attempt) {
  constexpr int gave_true = 0;
  constexpr int gave_false = 1;
  const auto child = ::fork();
  if (child < 0) return Survival::no;  // the caller tries it itself
  if (child == 0) {
    bool done = false;
    try {
      done = attempt();
    } catch (...) {
      ::abort();
    }
    ::_exit(done ? gave_true : gave_false);
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int status = 0;
  for (;;) {
    const auto ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) return Survival::ended;
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(child, SIGKILL);
      (void)::waitpid(child, nullptr, WNOHANG);  // one that hangs in the kernel stays
      return Survival::ended;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (!WIFEXITED(status)) return Survival::ended;
  if (WEXITSTATUS(status) == gave_true) return Survival::yes;
  return WEXITSTATUS(status) == gave_false ? Survival::no : Survival::ended;
}

}  // namespace vfio_switch
