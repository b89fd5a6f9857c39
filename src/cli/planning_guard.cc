// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/planning_guard.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <utility>

namespace vfio_switch {

namespace {

constexpr std::array crashes = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
constexpr unsigned patience = 120;  // seconds

// A signal handler reaches nothing but globals, and may not allocate.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::vector<std::string> restart_words;
std::vector<char*> restart_arguments;
std::array<char, std::size_t{1} << 16U> handler_stack;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

/// After a crash nothing in memory can be trusted: the program starts itself again.
extern "C" void start_again(int signal) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv("/proc/self/exe", restart_arguments.data());
  // Without /proc: as if there had been no guard.
  (void)std::signal(signal, SIG_DFL);
  (void)::raise(signal);
}

}  // namespace

PlanningGuard::PlanningGuard(std::vector<std::string> words) {
  restart_words = std::move(words);
  restart_arguments.clear();
  for (auto& word : restart_words) restart_arguments.push_back(word.data());
  restart_arguments.push_back(nullptr);
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_handler = start_again;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : crashes) ::sigaction(signal, &action, nullptr);
  ::alarm(patience);
}

PlanningGuard::~PlanningGuard() {
  ::alarm(0);
  for (const int signal : crashes) (void)std::signal(signal, SIG_DFL);
}

void PlanningGuard::planning_is_over() {
  ::alarm(0);
}

}  // namespace vfio_switch
