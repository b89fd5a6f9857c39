// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/process/bounded_read.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "system/process/unique_fd.h"

namespace vfio_switch {

namespace {

constexpr std::size_t page = 4096;

/// What the child sends for each file, in order; the bytes follow.
struct Answer {
  std::uint32_t index;
  std::int32_t length;  ///< negative: it could not be read
};

/// In the child: closes everything else, so that nobody who waits for our output or our lock waits
/// for a child that hangs.
void keep_only(std::vector<int> kept) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (std::ranges::find(kept, standard) != kept.end()) continue;
    if (null < 0 || ::dup2(null, standard) < 0) ::close(standard);
  }
  std::ranges::sort(kept);
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(std::max(fd, 0));
    if (number > next) ::close_range(next, number - 1, 0);
    next = std::max(next, number + 1);
  }
  ::close_range(next, ~0U, 0);
}

[[noreturn]] void answer_all(const std::vector<int>& files, std::size_t first, int pipe) {
  auto kept = files;
  kept.push_back(pipe);
  keep_only(kept);
  std::array<char, sizeof(Answer) + page> message{};
  for (std::size_t i = first; i < files.size(); ++i) {
    if (files[i] < 0) continue;
    const auto length = ::read(files[i], message.data() + sizeof(Answer), page);
    const Answer answer{static_cast<std::uint32_t>(i), static_cast<std::int32_t>(length)};
    std::memcpy(message.data(), &answer, sizeof answer);
    // A pipe takes these few bytes at once, or the child waits.
    const auto size = sizeof answer + static_cast<std::size_t>(std::max<ssize_t>(length, 0));
    if (::write(pipe, message.data(), size) != static_cast<ssize_t>(size)) break;
  }
  ::_exit(0);
}

/// What arrives from a child, taken in large pieces: to wake up for each answer would take longer
/// than all else.
class Receiver {
 public:
  explicit Receiver(int pipe) : pipe_(pipe) {}

  /// Takes `size` bytes; false if they do not arrive before `deadline`.
  bool take(void* bytes, std::size_t size, std::chrono::steady_clock::time_point deadline) {
    while (end_ - begin_ < size) {
      if (!receive(deadline)) return false;
    }
    std::memcpy(bytes, arrived_.data() + begin_, size);
    begin_ += size;
    return true;
  }

 private:
  bool receive(std::chrono::steady_clock::time_point deadline) {
    std::copy(arrived_.data() + begin_, arrived_.data() + end_, arrived_.data());
    end_ -= std::exchange(begin_, 0);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{pipe_, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) return true;
    if (ready <= 0) return false;
    const auto count = ::read(pipe_, arrived_.data() + end_, arrived_.size() - end_);
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    end_ += static_cast<std::size_t>(count);
    return true;
  }

  int pipe_;
  std::array<char, 4 * page> arrived_{};  ///< more than any answer
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Collects answers as long as they arrive in time. Returns the index of the next file to ask for.
std::size_t take_answers(int pipe, std::size_t first, std::chrono::milliseconds patience,
                         std::vector<std::optional<std::string>>& texts) {
  std::size_t next = first;
  Receiver receiver(pipe);
  for (;;) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Answer answer{};
    if (!receiver.take(&answer, sizeof answer, deadline) || answer.index >= texts.size()) break;
    if (answer.length >= 0) {
      std::string text(static_cast<std::size_t>(answer.length), '\0');
      if (!receiver.take(text.data(), text.size(), deadline)) break;
      texts[answer.index] = std::move(text);
    }
    next = answer.index + 1;
  }
  return next;
}

}  // namespace

std::vector<std::optional<std::string>> read_bounded(const std::vector<int>& files,
                                                     std::chrono::milliseconds patience) {
  std::vector<std::optional<std::string>> texts(files.size());
  const auto is_file = [](int fd) { return fd >= 0; };
  auto first = static_cast<std::size_t>(std::ranges::find_if(files, is_file) - files.begin());
  while (first < files.size()) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) break;
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const auto child = ::fork();
    if (child < 0) break;
    if (child == 0) answer_all(files, first, writer.get());
    writer = UniqueFd();
    const auto next = take_answers(reader.get(), first, patience, texts);
    ::kill(child, SIGKILL);
    // A child that hangs in the kernel cannot be waited for.
    (void)::waitpid(child, nullptr, WNOHANG);
    const auto rest = files.begin() + static_cast<std::ptrdiff_t>(next);
    const auto asked = std::find_if(rest, files.end(), is_file);
    if (asked == files.end()) break;
    // The file gave no answer. The next child asks for the files after it.
    first = static_cast<std::size_t>(asked - files.begin()) + 1;
  }
  return texts;
}

}  // namespace vfio_switch
