// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/process/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>

namespace vfio_switch {

namespace {

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a signal handler has no other
volatile std::sig_atomic_t interruption = 0;

extern "C" void note_interruption(int /*signal*/) {
  interruption = 1;
}

}  // namespace

Result<void> prepare_process() {
  if (::getuid() != ::geteuid() || ::getgid() != ::getegid()) {
    return fail(ErrorKind::permission, "this program must not be set-uid or set-gid",
                "Remove that bit, then run it as root.");
  }
  while (::fcntl(STDERR_FILENO, F_GETFD) < 0 || ::fcntl(STDOUT_FILENO, F_GETFD) < 0 ||
         ::fcntl(STDIN_FILENO, F_GETFD) < 0) {
    if (::open("/dev/null", O_RDWR) < 0) return fail("standard output is closed");
  }
  ::umask(022);
  ::clearenv();
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  // libkmod complains of the configuration on standard error while it reads it, which is before its
  // caller can say that it should not.
  ::setenv("KMOD_LOG", "0", 1);
  (void)std::signal(SIGPIPE, SIG_IGN);
  return {};
}

bool is_output_lost() {
  std::cout.flush();
  if (std::cout) return false;
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  const bool is_pipe_closed = ::poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
  return !is_pipe_closed;
}

InterruptionGuard::InterruptionGuard() {
  interruption = 0;
  struct sigaction action{};
  action.sa_handler = note_interruption;  // without SA_RESTART: a wait for a program ends
  for (const int signal : signals) {
    struct sigaction before{};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

InterruptionGuard::~InterruptionGuard() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (const int signal : signals) {
    struct sigaction before{};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

bool is_interrupted() {
  return interruption != 0;
}

std::unexpected<Error> interrupted_error() {
  return fail("interrupted");
}

}  // namespace vfio_switch
