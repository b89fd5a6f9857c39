// SPDX-License-Identifier: GPL-3.0-or-later
#include "apply/lock.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/base/text.h"
#include "system/process/process.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

// Where nobody else can reach it: whoever can open a file can lock it, and hold up root.
const std::string lock_path = state_directory + "/journal/lock";

std::string holder_of(const UniqueFd& lock) {
  std::array<char, 128> text{};
  const auto length = ::pread(lock.get(), text.data(), text.size(), 0);
  return printable(trim({text.data(), length > 0 ? static_cast<std::size_t>(length) : 0}));
}

}  // namespace

bool are_books_usable(const FileReader& files) {
  const std::array paths = {lock_path, state_directory + "/journal/log", state_path};
  return std::ranges::all_of(paths, [&](const std::string& path) {
    const auto status = files.status(path);
    if (!status || !*status) return status.has_value();
    return (*status)->kind == FileKind::regular && files.open_file(path).has_value();
  });
}

Result<Lock> Lock::take(FileStore& files, const std::string& verb, std::chrono::seconds patience) {
  const auto& path = lock_path;
  auto fd = files.open_lock(path);
  if (!fd) return failure_of(fd);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail("cannot lock " + path + ": " + std::strerror(errno));
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail("another vfio-switch is running: " + holder_of(*fd),
                  "Wait until it has finished, then try again.");
    }
    if (is_interrupted()) return interrupted_error();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const auto holder = "'" + verb + "', process " + std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd->get(), 0) != 0 || ::pwrite(fd->get(), holder.data(), holder.size(), 0) < 0) {
    return fail("cannot write " + path + ": " + std::strerror(errno));
  }
  return Lock(std::move(*fd));
}

namespace {

/// Whoever can write there could have anything put anywhere by the next recovery.
Result<void> check_owner(const FileReader& files, const std::string& path) {
  const auto state = files.state(path);
  if (!state) return std::unexpected(state.error());
  const auto* directory = std::get_if<Directory>(&*state);
  const std::string remedy =
      "Find out who changed it. Then move it away, or run 'chown root:root " + path + " && chmod " +
      (path == state_directory ? "0755 " : "0700 ") + path + "'.";
  if (directory == nullptr) return fail(path + " is not a directory", remedy);
  if (directory->uid != 0 && directory->uid != ::geteuid()) {
    return fail(path + " is owned by user " + std::to_string(directory->uid), remedy);
  }
  constexpr unsigned writable_by_others = 022;
  if ((directory->mode & writable_by_others) != 0) {
    return fail(path + " is writable by other users", remedy);
  }
  return {};
}

}  // namespace

Result<void> make_state_directories(FileStore& files) {
  for (const std::string path : {"/var", "/var/lib"}) {
    if (files.exists(path)) continue;
    if (auto made = files.replace(path, Directory{}); !made) return made;
  }
  const std::array<std::pair<std::string, unsigned>, 3> own = {
      {{state_directory, 0755},
       {state_directory + "/journal", 0700},
       {state_directory + "/journal/pre-images", 0700}}};
  for (const auto& [path, mode] : own) {
    const auto status = files.status(path);
    if (!status) return std::unexpected(status.error());
    if (!*status) {
      if (auto made = files.replace(path, Directory{mode, 0, 0}); !made) return made;
    }
    if (auto checked = check_owner(files, path); !checked) return checked;
  }
  return {};
}

}  // namespace vfio_switch
