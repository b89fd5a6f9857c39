// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/process/bounded_read.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

#include "../temporary_root.h"
#include "system/process/unique_fd.h"

using namespace vfio_switch;
using test::TemporaryRoot;

namespace {

/// A pipe that nobody writes into: whoever reads from it waits, as for the lock of a device.
struct Silence {
  Silence() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
  }
  UniqueFd reader;
  UniqueFd writer;
};

UniqueFd open_file(const TemporaryRoot& root, const std::string& path) {
  return UniqueFd(::open(root.outside(path).c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

TEST_CASE("Files that answer are read in their order") {
  const TemporaryRoot root;
  root.write("/a", "one\n");
  root.write("/b", "");
  const auto a = open_file(root, "/a");
  const auto b = open_file(root, "/b");
  const auto texts = read_bounded({-1, a.get(), -1, b.get(), -1}, std::chrono::milliseconds(5000));
  REQUIRE(texts.size() == 5);
  CHECK_FALSE(texts[0]);
  CHECK(texts[1] == "one\n");
  CHECK_FALSE(texts[2]);
  CHECK(texts[3] == "");
  CHECK_FALSE(texts[4]);
  CHECK(read_bounded({}, std::chrono::milliseconds(1)).empty());
}

TEST_CASE("One that hangs costs its patience, and the others are read") {
  const TemporaryRoot root;
  root.write("/a", "one");
  const auto a = open_file(root, "/a");
  const auto b = open_file(root, "/a");
  const Silence silence;
  const Silence more;
  const auto start = std::chrono::steady_clock::now();
  const auto texts = read_bounded({a.get(), silence.reader.get(), b.get(), more.reader.get()},
                                  std::chrono::milliseconds(300));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(texts[0] == "one");
  CHECK_FALSE(texts[1]);
  CHECK(texts[2] == "one");
  CHECK_FALSE(texts[3]);
}

TEST_CASE("A child that hangs holds neither our output nor a lock of ours") {
  const TemporaryRoot root;
  root.write("/lock", "");
  const Silence output;
  const Silence silence;
  {
    UniqueFd lock(::open(root.outside("/lock").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(::flock(lock.get(), LOCK_EX | LOCK_NB) == 0);
    // It would be killed here, where it hangs in no kernel: what it holds is seen while it waits.
    const auto child = ::fork();
    if (child == 0) {
      (void)read_bounded({silence.reader.get()}, std::chrono::milliseconds(2000));
      ::_exit(0);
    }
    ::usleep(500'000);
    ::kill(child, SIGKILL);  // its own child goes on waiting
    ::waitpid(child, nullptr, 0);
  }
  const UniqueFd again(::open(root.outside("/lock").c_str(), O_RDWR | O_CLOEXEC));
  CHECK(::flock(again.get(), LOCK_EX | LOCK_NB) == 0);
}
