// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/file_store.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <string_view>

#include "core/base/text.h"
#include "system/files/attributes.h"
#include "system/files/rooted_reader.h"

namespace vfio_switch {

namespace {

struct SplitPath {
  std::string directory;
  std::string name;
};

SplitPath split(const std::string& path) {
  const auto slash = path.rfind('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::string temporary_name(const std::string& name) {
  return "." + name + ".vfio-tmp";
}

/// The attributes of the regular file `name`; none where something else or nothing stands there.
std::map<std::string, std::string> attributes_of(int directory, const std::string& name) {
  const UniqueFd fd(
      ::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return fd ? read_attributes(fd.get()) : std::map<std::string, std::string>();
}

/// Ordinary users may write into a --sysroot of their own; the files then belong to them.
bool own(int fd, uid_t uid, gid_t gid) {
  return ::geteuid() != 0 || ::fchown(fd, uid, gid) == 0;
}

/// `modified` in ns since 1970; 0 leaves the time of writing.
bool set_time(int fd, std::int64_t modified) {
  if (modified == 0) return true;
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  const timespec time{modified / ns_per_s, modified % ns_per_s};
  const std::array<timespec, 2> times = {time, time};
  return ::futimens(fd, times.data()) == 0;
}

UniqueFd create(int directory, const std::string& name) {
  return UniqueFd(::openat(directory, name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
}

Result<void> write_all(int fd, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

/// One directory in which something is put, made or removed; `path` is what messages name.
struct Place {
  int directory;
  const std::string& path;
  const std::string& name;

  [[nodiscard]] Result<void> put(const RegularFile& file) const {
    const auto temporary = temporary_name(name);
    ::unlinkat(directory, temporary.c_str(), 0);  // left by a crash
    const auto fd = create(directory, temporary);
    if (!fd) return system_error("cannot write", temporary_path(path), errno);
    auto attributes = file.attributes;
    attributes.merge(attributes_of(directory, name));
    auto written = write_all(fd.get(), path, file.content);
    // The attributes come before the mode, since an access list changes the mode.
    if (written && (!set_time(fd.get(), file.modified) || !own(fd.get(), file.uid, file.gid) ||
                    !write_attributes(fd.get(), attributes) || ::fchmod(fd.get(), file.mode) != 0 ||
                    ::fsync(fd.get()) != 0 ||
                    ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)) {
      written = system_error("cannot write", path, errno);
    }
    if (!written) ::unlinkat(directory, temporary.c_str(), 0);
    return written;
  }

  [[nodiscard]] Result<void> put(const SymbolicLink& link) const {
    const auto temporary = temporary_name(name);
    ::unlinkat(directory, temporary.c_str(), 0);  // left by a crash
    if (::symlinkat(link.target.c_str(), directory, temporary.c_str()) != 0 ||
        ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
      const int code = errno;
      ::unlinkat(directory, temporary.c_str(), 0);
      return system_error("cannot write", path, code);
    }
    return {};
  }

  [[nodiscard]] Result<void> put(const Directory& wanted) const {
    if (::mkdirat(directory, name.c_str(), wanted.mode) != 0 && errno != EEXIST) {
      return system_error("cannot create", path, errno);
    }
    const UniqueFd fd(
        ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || !own(fd.get(), wanted.uid, wanted.gid) || ::fchmod(fd.get(), wanted.mode) != 0) {
      return system_error("cannot create", path, errno);
    }
    return {};
  }

  [[nodiscard]] Result<void> put(const Absent& /*nothing*/) const {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    // A directory is removed only if it is empty: files that others put there stay.
    if (errno == EISDIR && (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0 ||
                            errno == ENOTEMPTY || errno == EEXIST)) {
      return {};
    }
    return system_error("cannot remove", path, errno);
  }
};

/// Copies an open file beside itself, with its attributes, mode, owner and times.
bool copy(int from, int to) {
  struct stat status{};
  if (::fstat(from, &status) != 0) return false;
  for (off_t left = status.st_size; left > 0;) {
    const auto count = ::sendfile(to, from, nullptr, static_cast<std::size_t>(left));
    if (count <= 0) {
      if (count == 0) errno = EIO;
      return false;
    }
    left -= count;
  }
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  return own(to, status.st_uid, status.st_gid) && write_attributes(to, read_attributes(from)) &&
         ::fchmod(to, status.st_mode & 07777U) == 0 && ::futimens(to, times.data()) == 0 &&
         ::fsync(to) == 0;
}

/// Copies an open file to `name`, which is whole or as it was: half a copy has another name until
/// it is complete.
bool copy_and_rename(int from, int directory, const std::string& name) {
  const auto temporary = temporary_name(name);
  ::unlinkat(directory, temporary.c_str(), 0);  // left by a crash
  const auto to = create(directory, temporary);
  if (to && ::lseek(from, 0, SEEK_SET) == 0 && copy(from, to.get()) &&
      ::renameat(directory, temporary.c_str(), directory, name.c_str()) == 0) {
    return true;
  }
  const int code = errno;
  ::unlinkat(directory, temporary.c_str(), 0);
  errno = code;
  return false;
}

/// True if both hold the same bytes.
bool same_bytes(int left, int right) {
  std::array<std::array<char, std::size_t{1} << 16U>, 2> buffers{};
  for (off_t at = 0;;) {
    const auto count = ::pread(left, buffers[0].data(), buffers[0].size(), at);
    if (count < 0 || ::pread(right, buffers[1].data(), buffers[1].size(), at) != count)
      return false;
    if (count == 0) return true;
    const auto size = static_cast<std::size_t>(count);
    if (std::memcmp(buffers[0].data(), buffers[1].data(), size) != 0) return false;
    at += count;
  }
}

/// Where there is no room for a second file: over what stands at `name`, synced and read again.
Result<void> copy_in_place(int from, int directory, const std::string& name,
                           const std::string& path) {
  const UniqueFd to(::openat(directory, name.c_str(),
                             O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat status{};
  if (!to || ::fstat(to.get(), &status) != 0) return system_error("cannot restore", path, errno);
  if (!S_ISREG(status.st_mode)) return system_error("cannot restore", path, EINVAL);
  if (::ftruncate(to.get(), 0) != 0 || ::lseek(from, 0, SEEK_SET) != 0 || !copy(from, to.get())) {
    return system_error("cannot restore", path, errno);
  }
  // From the disk, not from memory.
  (void)::posix_fadvise(to.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (!same_bytes(from, to.get())) {
    return fail(printable(path) + " does not hold what was written to it",
                "The disk may be failing. The saved copy is still there.");
  }
  return {};
}

/// Opens a file for writing, and makes it where absent; `made` tells which. What is no regular file
/// is EINVAL; O_NONBLOCK keeps a FIFO from blocking the open.
std::expected<UniqueFd, int> open_or_make(const RootedDirectory& root, const std::string& path,
                                          int flags, mode_t mode, bool& made) {
  flags |= O_NOFOLLOW | O_NONBLOCK;
  made = false;
  auto fd = root.open_below(path, flags);
  if (!fd && fd.error() == ENOENT) {
    fd = root.open_below(path, flags | O_CREAT, mode);
    made = fd.has_value();
  }
  if (!fd) return fd;
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) return std::unexpected(errno);
  if (!S_ISREG(status.st_mode)) return std::unexpected(EINVAL);
  return fd;
}

/// Appends and syncs, or leaves the file as long as it was.
Result<void> append_to(int fd, const std::string& path, std::string_view text) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_error("cannot write", path, errno);
  auto done = write_all(fd, path, text);
  if (done && ::fsync(fd) != 0) done = system_error("cannot sync", path, errno);
  if (!done && ::ftruncate(fd, status.st_size) == 0) (void)::fsync(fd);
  return done;
}

class RootedStore final : public RootedReader<FileStore> {
 public:
  using RootedReader<FileStore>::RootedReader;

  Result<void> replace(const std::string& path, const FileState& wanted) override {
    const auto [directory_path, name] = split(path);
    const auto directory = root().open_below(directory_path, O_RDONLY | O_DIRECTORY);
    if (!directory) {
      const bool nothing_to_do =
          is_absent(directory.error()) && std::holds_alternative<Absent>(wanted);
      if (nothing_to_do) return {};
      return system_error("cannot change", path, directory.error());
    }
    const Place place{directory->get(), path, name};
    auto done = std::visit([&](const auto& one) { return place.put(one); }, wanted);
    if (done && ::fsync(directory->get()) != 0) {
      return system_error("cannot sync", directory_path, errno);
    }
    return done;
  }

  Result<void> append(const std::string& path, const std::string& text) override {
    bool made = false;
    const auto fd = open_or_make(root(), path, O_WRONLY | O_APPEND, 0600, made);
    if (!fd) return system_error("cannot write", path, fd.error());
    if (auto done = append_to(fd->get(), path, text); !done || !made) return done;
    // The name of a new file must survive a power cut too.
    const auto directory_path = split(path).directory;
    const auto directory = root().open_below(directory_path, O_RDONLY | O_DIRECTORY);
    if (!directory) return system_error("cannot sync", directory_path, directory.error());
    if (::fsync(directory->get()) != 0) return system_error("cannot sync", directory_path, errno);
    return {};
  }

  Result<void> keep(const std::string& path, const std::string& as, bool by_link) override {
    const auto [directory_path, name] = split(path);
    const auto [kept_directory_path, kept_name] = split(as);
    const auto directory = root().open_below(directory_path, O_RDONLY | O_DIRECTORY);
    if (!directory) return system_error("cannot back up", path, directory.error());
    const auto kept_directory = root().open_below(kept_directory_path, O_RDONLY | O_DIRECTORY);
    if (!kept_directory) return system_error("cannot back up", path, kept_directory.error());
    const int at = directory->get();
    const int kept_at = kept_directory->get();
    struct stat status{};
    if (::fstatat(at, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_error("cannot back up", path, errno);
    }
    if (!S_ISREG(status.st_mode)) {
      return fail(printable(path) + " is not a regular file, so it could not be restored later",
                  "Replace it with a regular file, then try again.");
    }
    if (::unlinkat(kept_at, kept_name.c_str(), 0) != 0 && errno != ENOENT) {
      return system_error("cannot replace", as, errno);
    }
    const bool linked = by_link && directory_path == kept_directory_path &&
                        ::linkat(at, name.c_str(), at, kept_name.c_str(), 0) == 0;
    if (!linked) {
      const UniqueFd from(
          ::openat(at, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      if (!from || !copy_and_rename(from.get(), kept_at, kept_name)) {
        return system_error("cannot back up", path, errno);
      }
    }
    if (::fsync(kept_at) != 0) return system_error("cannot sync", kept_directory_path, errno);
    return {};
  }

  Result<void> put_back(const std::string& as, const std::string& path) override {
    const auto [directory_path, name] = split(path);
    const auto [kept_directory_path, kept_name] = split(as);
    const auto directory = root().open_below(directory_path, O_RDONLY | O_DIRECTORY);
    if (!directory) return system_error("cannot restore", path, directory.error());
    const auto kept_directory = root().open_below(kept_directory_path, O_RDONLY | O_DIRECTORY);
    if (!kept_directory) return system_error("cannot restore", path, kept_directory.error());
    const int at = directory->get();
    const int kept_at = kept_directory->get();
    const UniqueFd kept(
        ::openat(kept_at, kept_name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!kept || ::fsync(kept.get()) != 0) return system_error("cannot restore", path, errno);
    const bool is_beside = directory_path == kept_directory_path;
    if (!is_beside && !copy_and_rename(kept.get(), at, name)) {
      if (errno != ENOSPC) return system_error("cannot restore", path, errno);
      if (auto written = copy_in_place(kept.get(), at, name, path); !written) return written;
    }
    // Of two names for one file rename(2) keeps both; so the second one is removed as well.
    if ((is_beside && ::renameat(at, kept_name.c_str(), at, name.c_str()) != 0) ||
        ::fsync(at) != 0 || (::unlinkat(kept_at, kept_name.c_str(), 0) != 0 && errno != ENOENT) ||
        ::fsync(kept_at) != 0) {
      return system_error("cannot restore", path, errno);
    }
    return {};
  }

  Result<void> set_aside(const std::string& path, const std::string& as) override {
    const auto [directory_path, name] = split(path);
    const auto directory = root().open_below(directory_path, O_RDONLY | O_DIRECTORY);
    if (!directory) return system_error("cannot rename", path, directory.error());
    const int at = directory->get();
    if (::renameat2(at, name.c_str(), at, split(as).name.c_str(), RENAME_NOREPLACE) != 0) {
      return system_error("cannot rename", path, errno);
    }
    if (::fsync(at) != 0) return system_error("cannot sync", directory_path, errno);
    return {};
  }

  Result<std::uint64_t> free_space(const std::string& path) const override {
    for (auto above = split(path).directory;; above = split(above).directory) {
      const auto directory = root().open_below(above, O_RDONLY | O_DIRECTORY);
      if (!directory && is_absent(directory.error()) && above != "/") continue;
      if (!directory) return system_error("cannot look at", above, directory.error());
      struct statvfs status{};
      if (::fstatvfs(directory->get(), &status) != 0) {
        return system_error("cannot look at", above, errno);
      }
      return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    }
  }

  Result<UniqueFd> open_lock(const std::string& path) override {
    bool made = false;
    auto fd = open_or_make(root(), path, O_RDWR, 0600, made);
    if (!fd) return system_error("cannot open", path, fd.error());
    return std::move(*fd);
  }
};

}  // namespace

std::string temporary_path(const std::string& path) {
  const auto [directory, name] = split(path);
  return (directory == "/" ? "" : directory) + "/" + temporary_name(name);
}

std::string fresh_path(const std::string& path) {
  const auto [directory, name] = split(path);
  return (directory == "/" ? "" : directory) + "/." + name + ".vfio-new";
}

Result<std::unique_ptr<FileStore>> open_store(const std::string& root) {
  auto directory = RootedDirectory::open(root);
  if (!directory) return failure_of(directory);
  return std::make_unique<RootedStore>(std::move(*directory));
}

}  // namespace vfio_switch
