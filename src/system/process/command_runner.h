// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace vfio_switch {

/// A program and its arguments; never a shell.
struct Invocation {
  std::string program;  ///< a name, found in /usr/sbin, /usr/bin, /sbin and /bin of the root
  std::vector<std::string> arguments;
};

/// How a program ended.
struct CommandResult {
  int exit_status = 0;  ///< 128 + n where signal n ended it
  std::string output;   ///< standard output and error together, as it came
};

/// Called while a program runs.
struct CommandListener {
  std::function<void(std::string_view line)> on_line;         ///< each line as it comes
  std::function<void(std::chrono::seconds elapsed)> on_tick;  ///< once a second
};

/// Runs the distribution's programs with a clean environment.
class CommandRunner {
 public:
  CommandRunner() = default;
  CommandRunner(const CommandRunner&) = delete;
  CommandRunner& operator=(const CommandRunner&) = delete;
  CommandRunner(CommandRunner&&) = delete;
  CommandRunner& operator=(CommandRunner&&) = delete;
  virtual ~CommandRunner() = default;

  /// The directories in which programs are searched, inside the root.
  static constexpr std::array search_path = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

  /// True if the program is installed in the root.
  [[nodiscard]] virtual bool has(const std::string& program) const = 0;
  /// Runs it until it ends or we are interrupted: see is_interrupted(). An Error only if it could
  /// not be started.
  [[nodiscard]] virtual Result<CommandResult> run(const Invocation& command,
                                                  const CommandListener& listener) = 0;
};

/// Runs programs of the system at `root`. Where that is not "/", they run chrooted into it, in a
/// mount namespace of their own with /proc, /sys and /dev mounted where the root has none: they
/// then see the hardware of the machine that this program runs on.
[[nodiscard]] std::unique_ptr<CommandRunner> make_command_runner(const std::string& root);

}  // namespace vfio_switch
