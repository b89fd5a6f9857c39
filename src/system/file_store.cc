// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/file_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "core/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t largest_file = std::size_t{16} << 20U;

std::unexpected<Error> system_error(const std::string& what, const std::string& path, int code) {
  Error error{
      ErrorKind::failed, what + " " + printable(path) + ": " + std::strerror(code), {}, code};
  if (code == EACCES || code == EPERM) {
    error.kind = ErrorKind::permission;
    error.remedy = "Run it as root.";
  } else if (code == ENOSPC) {
    error.remedy = "Free some space on that file system, and try again.";
  } else if (code == EROFS) {
    error.remedy = "Mount that file system writable, and try again.";
  }
  return std::unexpected(std::move(error));
}

struct SplitPath {
  std::string directory;
  std::string name;
};

SplitPath split(const std::string& path) {
  const auto slash = path.rfind('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::regular;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symbolic_link;
  return FileKind::other;
}

/// The files below a root directory. Holds the root by descriptor: it cannot be exchanged
/// under a running command.
class RootedFiles final : public FileStore {
 public:
  RootedFiles(UniqueFd root, bool running) : root_(std::move(root)), running_(running) {}

  bool is_running_system() const override { return running_; }

  Result<std::optional<std::string>> read(const std::string& path) const override {
    // O_NONBLOCK: a FIFO must not block the open; it has no effect on regular files.
    auto fd = open_below(path, O_RDONLY | O_NONBLOCK);
    if (!fd) {
      if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
      return system_error("cannot read", path, errno);
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) return system_error("cannot read", path, errno);
    if (!S_ISREG(status.st_mode)) return fail(printable(path) + " is not a regular file");
    std::string content;
    if (status.st_size > 0) content.reserve(static_cast<std::size_t>(status.st_size));
    std::array<char, 65536> buffer{};
    for (;;) {
      const auto count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error("cannot read", path, errno);
      if (count == 0) return content;
      content.append(buffer.data(), static_cast<std::size_t>(count));
      if (content.size() > largest_file) return fail(printable(path) + " is larger than 16 MiB");
    }
  }

  Result<std::vector<std::string>> list(const std::string& path) const override {
    auto fd = open_below(path, O_RDONLY | O_DIRECTORY);
    if (!fd) {
      if (errno == ENOENT || errno == ENOTDIR) return std::vector<std::string>();
      return system_error("cannot list", path, errno);
    }
    const int raw = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(raw), ::closedir);
    if (!directory) return system_error("cannot list", path, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(directory.get())) {
      const std::string_view name = static_cast<const char*>(entry->d_name);
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return system_error("cannot list", path, errno);
    std::ranges::sort(names);
    return names;
  }

  Result<std::optional<FileStatus>> status(const std::string& path) const override {
    const auto raw = raw_status(path);
    if (!raw) {
      if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
      return system_error("cannot look at", path, errno);
    }
    constexpr std::int64_t ns_per_s = 1'000'000'000;
    return FileStatus{kind_of(raw->st_mode), raw->st_dev,
                      raw->st_mtim.tv_sec * ns_per_s + raw->st_mtim.tv_nsec};
  }

  std::optional<std::string> read_link(const std::string& path) const override {
    const auto fd = open_below(path, O_PATH | O_NOFOLLOW);
    if (!fd) return std::nullopt;
    std::array<char, 4096> target{};
    const auto length = ::readlinkat(fd.get(), "", target.data(), target.size());
    if (length < 0) return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(length));
  }

  Result<std::optional<UniqueFd>> open_directory(const std::string& path) const override {
    auto fd = open_below(path, O_RDONLY | O_DIRECTORY);
    if (fd) return std::optional(std::move(fd));
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<UniqueFd>();
    return system_error("cannot open", path, errno);
  }

  Result<FileState> state(const std::string& path) const override {
    const auto raw = raw_status(path);
    if (!raw) {
      if (errno == ENOENT || errno == ENOTDIR) return Absent{};
      return system_error("cannot look at", path, errno);
    }
    const unsigned mode = raw->st_mode & 07777U;
    switch (kind_of(raw->st_mode)) {
      case FileKind::directory:
        return Directory{mode, raw->st_uid, raw->st_gid};
      case FileKind::symbolic_link:
        return SymbolicLink{read_link(path).value_or(std::string())};
      case FileKind::regular: {
        auto content = read(path);
        if (!content) return failure_of(content);
        return RegularFile{content->value_or(std::string()), mode, raw->st_uid, raw->st_gid};
      }
      case FileKind::other:
        break;
    }
    return fail(printable(path) + " is neither a file, a directory nor a symbolic link",
                "Remove it, and try again.");
  }

  bool exists(const std::string& path) const override {
    return static_cast<bool>(open_below(path, O_PATH));
  }

  Result<void> replace(const std::string& path, const FileState& wanted) override {
    const auto [directory_path, name] = split(path);
    const auto directory = open_below(directory_path, O_RDONLY | O_DIRECTORY);
    if (!directory) return system_error("cannot change", path, errno);
    const int at = directory.get();
    Result<void> done;
    if (const auto* file = std::get_if<RegularFile>(&wanted)) {
      done = put_file(at, path, name, *file);
    } else if (const auto* link = std::get_if<SymbolicLink>(&wanted)) {
      done = put_link(at, path, name, *link);
    } else if (const auto* wanted_directory = std::get_if<Directory>(&wanted)) {
      done = make_directory(at, path, name, *wanted_directory);
    } else {
      done = remove(at, path, name);
    }
    if (!done) return done;
    if (::fsync(at) != 0) return system_error("cannot sync", directory_path, errno);
    return {};
  }

  Result<void> append(const std::string& path, const std::string& text) override {
    const auto fd = open_below(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
    if (!fd) return system_error("cannot write", path, errno);
    if (auto written = write_all(fd.get(), path, text); !written) return written;
    if (::fsync(fd.get()) != 0) return system_error("cannot sync", path, errno);
    return {};
  }

  Result<void> keep(const std::string& path, const std::string& as, bool by_link) override {
    const auto [directory_path, name] = split(path);
    const auto directory = open_below(directory_path, O_RDONLY | O_DIRECTORY);
    const auto kept_name = split(as).name;
    if (!directory) return system_error("cannot keep", path, errno);
    if (::unlinkat(directory.get(), kept_name.c_str(), 0) != 0 && errno != ENOENT) {
      return system_error("cannot replace", as, errno);
    }
    if (by_link &&
        ::linkat(directory.get(), name.c_str(), directory.get(), kept_name.c_str(), 0) == 0) {
      if (::fsync(directory.get()) != 0) return system_error("cannot sync", directory_path, errno);
      return {};
    }
    const UniqueFd from(::openat(directory.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat status{};
    if (!from || ::fstat(from.get(), &status) != 0) return system_error("cannot keep", path, errno);
    const UniqueFd to(::openat(directory.get(), kept_name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!to) return system_error("cannot keep", path, errno);
    const auto give_up = [&](int code) {
      ::unlinkat(directory.get(), kept_name.c_str(), 0);
      return system_error("cannot keep a copy of", path, code);
    };
    for (off_t left = status.st_size; left > 0;) {
      const auto count = ::sendfile(to.get(), from.get(), nullptr, static_cast<std::size_t>(left));
      if (count <= 0) return give_up(count == 0 ? EIO : errno);
      left -= count;
    }
    const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    if (::fchmod(to.get(), status.st_mode & 07777U) != 0 ||
        own(to.get(), status.st_uid, status.st_gid) != 0 ||
        ::futimens(to.get(), times.data()) != 0 || ::fsync(to.get()) != 0 ||
        ::fsync(directory.get()) != 0) {
      return give_up(errno);
    }
    return {};
  }

  Result<void> put_back(const std::string& as, const std::string& path) override {
    const auto [directory_path, name] = split(path);
    const auto directory = open_below(directory_path, O_RDONLY | O_DIRECTORY);
    const auto kept_name = split(as).name;
    if (!directory) return system_error("cannot put back", path, errno);
    const int at = directory.get();
    // Of two names for one file rename(2) keeps both; so the second one is removed as well.
    if (::renameat(at, kept_name.c_str(), at, name.c_str()) != 0 ||
        (::unlinkat(at, kept_name.c_str(), 0) != 0 && errno != ENOENT) || ::fsync(at) != 0) {
      return system_error("cannot put back", path, errno);
    }
    return {};
  }

  Result<UniqueFd> open_lock(const std::string& path) override {
    auto fd = open_below(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
    if (!fd) return system_error("cannot open", path, errno);
    return fd;
  }

 private:
  [[nodiscard]] UniqueFd open_below(const std::string& path, int flags, mode_t mode = 0) const {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = mode;
    how.resolve = RESOLVE_IN_ROOT;
    return UniqueFd(
        static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof(how))));
  }

  [[nodiscard]] std::optional<struct stat> raw_status(const std::string& path) const {
    const auto fd = open_below(path, O_PATH | O_NOFOLLOW);
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
    return status;
  }

  /// An ordinary user, who may stage into a --sysroot of their own, owns what they write.
  static int own(int fd, uid_t uid, gid_t gid) {
    return ::geteuid() != 0 ? 0 : ::fchown(fd, uid, gid);
  }

  static Result<void> write_all(int fd, const std::string& path, std::string_view text) {
    while (!text.empty()) {
      const auto count = ::write(fd, text.data(), text.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error("cannot write", path, errno);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  static Result<void> put_file(int at, const std::string& path, const std::string& name,
                               const RegularFile& file) {
    const auto temporary = "." + name + ".vfio-tmp";
    ::unlinkat(at, temporary.c_str(), 0);  // left by a crash
    const UniqueFd fd(::openat(at, temporary.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return system_error("cannot write", path, errno);
    auto written = write_all(fd.get(), path, file.content);
    if (written &&
        (own(fd.get(), file.uid, file.gid) != 0 || ::fchmod(fd.get(), file.mode) != 0 ||
         ::fsync(fd.get()) != 0 || ::renameat(at, temporary.c_str(), at, name.c_str()) != 0)) {
      written = system_error("cannot write", path, errno);
    }
    if (!written) ::unlinkat(at, temporary.c_str(), 0);
    return written;
  }

  static Result<void> put_link(int at, const std::string& path, const std::string& name,
                               const SymbolicLink& link) {
    const auto temporary = "." + name + ".vfio-tmp";
    ::unlinkat(at, temporary.c_str(), 0);  // left by a crash
    if (::symlinkat(link.target.c_str(), at, temporary.c_str()) != 0 ||
        ::renameat(at, temporary.c_str(), at, name.c_str()) != 0) {
      return system_error("cannot write", path, errno);
    }
    return {};
  }

  static Result<void> make_directory(int at, const std::string& path, const std::string& name,
                                     const Directory& directory) {
    if (::mkdirat(at, name.c_str(), directory.mode) != 0 && errno != EEXIST) {
      return system_error("cannot make", path, errno);
    }
    const UniqueFd fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || own(fd.get(), directory.uid, directory.gid) != 0 ||
        ::fchmod(fd.get(), directory.mode) != 0) {
      return system_error("cannot make", path, errno);
    }
    return {};
  }

  static Result<void> remove(int at, const std::string& path, const std::string& name) {
    if (::unlinkat(at, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    // EISDIR on Linux, EPERM elsewhere in POSIX: a directory, which goes only if it is empty.
    if (errno == EISDIR && ::unlinkat(at, name.c_str(), AT_REMOVEDIR) == 0) return {};
    return system_error("cannot remove", path, errno);
  }

  UniqueFd root_;
  bool running_;
};

Result<std::unique_ptr<RootedFiles>> open_root(const std::string& root) {
  UniqueFd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error("cannot use the root", root, errno);
  return std::make_unique<RootedFiles>(std::move(fd), root == "/");
}

}  // namespace

Result<std::unique_ptr<FileReader>> open_reader(const std::string& root) {
  auto files = open_root(root);
  if (!files) return failure_of(files);
  return std::unique_ptr<FileReader>(std::move(*files));
}

Result<std::unique_ptr<FileStore>> open_store(const std::string& root) {
  auto files = open_root(root);
  if (!files) return failure_of(files);
  return std::unique_ptr<FileStore>(std::move(*files));
}

}  // namespace vfio_switch
