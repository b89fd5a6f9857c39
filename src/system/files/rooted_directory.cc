// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/rooted_directory.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/base/text.h"

namespace vfio_switch {

Result<RootedDirectory> RootedDirectory::open(const std::string& root) {
  UniqueFd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    auto failed = system_error("cannot use the root directory", root, errno);
    failed.error().remedy = "Use --sysroot with the top directory of an installed system.";
    return failed;
  }
  return RootedDirectory(std::move(fd), root == "/");
}

std::expected<UniqueFd, int> RootedDirectory::open_below(const std::string& path, int flags,
                                                         mode_t mode) const {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT;
  // A rename anywhere on the machine, while a '..' is resolved, is EAGAIN: openat2(2) asks to try
  // again. The links of sysfs are full of '..'.
  constexpr int most_tries = 10000;
  for (int tries = 0;; ++tries) {
    UniqueFd fd(
        static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof(how))));
    if (fd) return fd;
    const int code = errno;
    if (code != EAGAIN || tries == most_tries) return std::unexpected(code);
  }
}

std::expected<struct stat, int> RootedDirectory::status(const std::string& path) const {
  const auto fd = open_below(path, O_PATH | O_NOFOLLOW);
  if (!fd) return std::unexpected(fd.error());
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) return std::unexpected(errno);
  return status;
}

std::unexpected<Error> system_error(const std::string& what, const std::string& path, int code) {
  Error error{
      ErrorKind::failed, what + " " + printable(path) + ": " + std::strerror(code), {}, code};
  if ((code == EACCES || code == EPERM) && ::geteuid() == 0) {
    error.remedy =
        "Check whether it is immutable (lsattr) or whether a security policy forbids the change.";
  } else if (code == EACCES || code == EPERM) {
    error.kind = ErrorKind::permission;
    error.remedy = "Run it as root.";
  } else if (code == ENOSPC) {
    error.remedy = "Free some space on that file system, then try again.";
  } else if (code == EROFS) {
    error.remedy = "Remount that file system read-write, then try again.";
  }
  return std::unexpected(std::move(error));
}

bool is_absent(int code) {
  return code == ENOENT || code == ENOTDIR;
}

}  // namespace vfio_switch
