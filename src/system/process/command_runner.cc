// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/process/command_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "system/process/process.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

namespace {

constexpr std::array<const char*, 4> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                    "LC_ALL=C.UTF-8", "HOME=/root", nullptr};
constexpr int cannot_start = 127;

bool is_mount_point_empty(const char* path, const char* probe) {
  struct stat status{};
  return ::stat((std::string(path) + probe).c_str(), &status) != 0;
}

/// In the child: makes `root` the root directory. Returns the step that failed, or null.
const char* enter_root(const char* root) {
  if (::unshare(CLONE_NEWNS) != 0) return "unshare";
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return errno == EINVAL
               ? "/ is not a mount point, so private mounts are not possible; leave the chroot"
               : "mount --make-rprivate";
  }
  const std::string base(root);
  const std::array<std::array<const char*, 2>, 3> mounts = {
      {{"/proc", "/self"}, {"/sys", "/kernel"}, {"/dev", "/null"}}};
  for (const auto& [path, probe] : mounts) {
    const auto target = base + path;
    if (!is_mount_point_empty(target.c_str(), probe)) continue;
    ::mkdir(target.c_str(), 0755);
    if (::mount(path, target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return path;
  }
  if (::chroot(root) != 0) return "chroot";
  if (::chdir("/") != 0) return "chdir";
  return nullptr;
}

/// In the child: becomes the program. It gets a process group of its own, so that Ctrl-C reaches
/// only us and we decide; and it is killed when we die, so that it does not write while the next
/// run recovers.
[[noreturn]] void become(const std::string& root, const std::string& program,
                         const std::vector<char*>& arguments, int output, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(cannot_start);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) (void)std::signal(signal, SIG_DFL);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  ::umask(022);
  const auto stop = [](const char* step) {
    const int code = errno;
    ::dprintf(STDERR_FILENO, "%s: %s\n", step, std::strerror(code));
    ::_exit(cannot_start);
  };
  if (root != "/") {
    if (const char* step = enter_root(root.c_str())) stop(step);
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): execve(2) takes char* and changes none
  ::execve(program.c_str(), arguments.data(), const_cast<char* const*>(environment.data()));
  stop(program.c_str());
  ::_exit(cannot_start);
}

/// Passes complete lines on, and keeps the rest.
class LineSplitter {
 public:
  explicit LineSplitter(const CommandListener& listener) : listener_(listener) {}

  void add(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        flush();
      } else {
        line_ += c;
      }
    }
  }

  void flush() {
    if (!line_.empty() && listener_.on_line) listener_.on_line(line_);
    line_.clear();
  }

 private:
  const CommandListener& listener_;
  std::string line_;
};

/// A running program, with everything that it started.
class RunningProgram {
 public:
  RunningProgram(pid_t leader, int output) : leader_(leader), output_(output) {}

  /// Reads until the program closes its output, and reports the elapsed time once a second. If we
  /// are interrupted, the program is asked to end, and killed if it does not.
  std::string collect(const CommandListener& listener) {
    constexpr int tick_ms = 1000;
    constexpr std::chrono::seconds grace(5);
    const auto start = Clock::now();
    auto patience_ends = Clock::time_point::max();
    bool killed = false;
    std::string output;
    LineSplitter lines(listener);
    for (;;) {
      if (is_interrupted() && !asked_) {
        asked_ = true;
        patience_ends = Clock::now() + grace;
        ::kill(-leader_, SIGTERM);
      }
      if (Clock::now() > patience_ends) {
        if (killed) break;  // a process outside the group keeps the output open
        killed = true;
        patience_ends = Clock::now() + std::chrono::seconds(1);
        ::kill(-leader_, SIGKILL);
      }
      pollfd wait{output_, POLLIN, 0};
      const int ready = ::poll(&wait, 1, tick_ms);
      if (ready == 0 && listener.on_tick) {
        listener.on_tick(std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start));
      }
      if (ready <= 0) continue;
      std::array<char, 4096> buffer{};
      const auto count = ::read(output_, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      const std::string_view text(buffer.data(), static_cast<std::size_t>(count));
      output += text;
      lines.add(text);
    }
    lines.flush();
    return output;
  }

  /// Waits for its end; if it failed, everything that it started is killed. Returns the exit
  /// status, 128 + n if signal n ended it.
  [[nodiscard]] int wait() const {
    if (asked_) ::kill(-leader_, SIGKILL);
    int status = 0;
    while (::waitpid(leader_, &status, 0) < 0 && errno == EINTR) {
      if (is_interrupted()) ::kill(-leader_, SIGKILL);
    }
    constexpr int signal_base = 128;
    const int result = WIFEXITED(status) ? WEXITSTATUS(status) : signal_base + WTERMSIG(status);
    if (result == 0) return result;
    ::kill(-leader_, SIGKILL);
    while (::waitpid(-leader_, nullptr, 0) > 0 || errno == EINTR) {
    }
    return result;
  }

 private:
  using Clock = std::chrono::steady_clock;

  pid_t leader_;
  int output_;
  bool asked_ = false;  ///< to end
};

class SystemRunner final : public CommandRunner {
 public:
  explicit SystemRunner(std::string root) : root_(std::move(root)) {}

  bool has(const std::string& program) const override { return !find(program).empty(); }

  Result<CommandResult> run(const Invocation& command, const CommandListener& listener) override {
    const auto program = find(command.program);
    if (program.empty()) {
      return fail(command.program + " is not installed" + (root_ == "/" ? "" : " in " + root_));
    }
    std::vector<std::string> words = {command.program};
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return start_failed(command);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    // Processes that a dead leader leaves behind become our children, so that we can wait for them.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return start_failed(command);
    if (child == 0) become(root_, program, arguments, writer.get(), self);
    ::setpgid(child, child);  // the child does the same: whichever comes first
    writer = UniqueFd();
    RunningProgram running(child, reader.get());
    CommandResult result;
    result.output = running.collect(listener);
    result.exit_status = running.wait();
    return result;
  }

 private:
  static std::unexpected<Error> start_failed(const Invocation& command) {
    return fail("cannot start " + command.program + ": " + std::strerror(errno));
  }

  /// Absolute as seen inside the root; empty where it is not installed.
  [[nodiscard]] std::string find(const std::string& program) const {
    for (const std::string directory : search_path) {
      const auto path = directory + "/" + program;
      if (::access((root_ == "/" ? path : root_ + path).c_str(), X_OK) == 0) return path;
    }
    return {};
  }

  std::string root_;
};

}  // namespace

std::unique_ptr<CommandRunner> make_command_runner(const std::string& root) {
  return std::make_unique<SystemRunner>(root);
}

}  // namespace vfio_switch
