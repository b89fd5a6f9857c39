// SPDX-License-Identifier: GPL-3.0-or-later
#include "hook/planner.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>

namespace vfio_switch {

namespace {

constexpr int cannot_start = 127;

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a signal handler has no other
volatile pid_t planner = 0;

/// Whoever wants us to end means the one that does the work.
extern "C" void pass_on(int signal) {
  if (planner > 0) ::kill(planner, signal);
}

/// Empty where /proc is not mounted.
std::string own_path() {
  std::array<char, 4096> self{};
  const auto length = ::readlink("/proc/self/exe", self.data(), self.size());
  return {self.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// Beside this program, as in a build directory; else where it is installed.
std::string planner_path() {
  const auto path = own_path();
  for (const std::string name : {"/vfio-switch-plan", "/../backend/vfio-switch-plan"}) {
    const auto beside = path.substr(0, path.rfind('/')) + name;
    if (!path.empty() && ::access(beside.c_str(), X_OK) == 0) return beside;
  }
  return PLANNER;
}

void warn(const std::string& path, const std::string& event, const std::string& what) {
  const auto own = own_path();
  std::cerr << "vfio-switch: warning: " << path << " " << what << ", so '" << event
            << "' was not done. To give the card back to the host, run '"
            << (own.empty() ? "vfio-switch-hook" : own) << " disable'.\n";
}

}  // namespace

bool hand_on(const std::string& event, char** argv) {
  const auto path = planner_path();
  const auto parent = ::getpid();
  const auto child = ::fork();
  if (child < 0) {
    warn(path, event, std::string("could not be started: ") + std::strerror(errno));
    return false;
  }
  if (child == 0) {
    // It must not go on behind the back of whoever has ended us.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(cannot_start);
    ::execv(path.c_str(), argv);
    std::cerr << path << ": " << std::strerror(errno) << "\n";
    ::_exit(cannot_start);
  }
  planner = child;
  struct sigaction action{};
  action.sa_handler = pass_on;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  planner = 0;
  if (WIFSIGNALED(status)) {
    warn(path, event, "was killed by signal " + std::to_string(WTERMSIG(status)));
    return false;
  }
  if (WEXITSTATUS(status) == cannot_start || WEXITSTATUS(status) == cannot_start - 1) {
    warn(path, event,
         "could not be started (a library may be missing until an upgrade is complete)");
    return false;
  }
  return true;
}

}  // namespace vfio_switch
