// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/files/rooted_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

#include "core/base/text.h"
#include "system/files/attributes.h"

namespace vfio_switch {

namespace {

constexpr std::size_t largest_file = std::size_t{16} << 20U;

FileKind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::regular;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symbolic_link;
  return FileKind::other;
}

std::int64_t modification_time(const struct stat& status) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  return status.st_mtim.tv_sec * ns_per_s + status.st_mtim.tv_nsec;
}

/// The Error for a file that must not be read; its code tells callers which kind it is.
std::unexpected<Error> odd_file(const std::string& path, int code) {
  std::string what = " is a FIFO, a device or a socket";
  if (code == EISDIR) what = " is a directory";
  if (code == EFBIG) what = " is larger than 16 MiB";
  return std::unexpected(Error{ErrorKind::failed, printable(path) + what, {}, code});
}

bool is_null_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

/// A regular file, open for reading; nothing where nothing stands there. `more` is 0 or O_NOFOLLOW.
/// The null device counts as an empty regular file.
Result<std::optional<UniqueFd>> open_regular(const RootedDirectory& root, const std::string& path,
                                             int more, struct stat& status) {
  // The file is checked before it is opened: opening a device can have effects, and a link of an
  // ordinary user may lead root to a device.
  const auto place = root.open_below(path, O_PATH | more);
  if (!place) {
    if (is_absent(place.error())) return std::optional<UniqueFd>();
    return system_error("cannot read", path, place.error());
  }
  if (::fstat(place->get(), &status) != 0) return system_error("cannot read", path, errno);
  if (S_ISLNK(status.st_mode)) return system_error("cannot read", path, ELOOP);
  if (is_null_device(status)) {
    status.st_size = 0;
  } else if (!S_ISREG(status.st_mode)) {
    return odd_file(path, S_ISDIR(status.st_mode) ? EISDIR : ENODEV);
  }
  // Opens exactly the file that was checked; by its path if /proc is not there.
  const auto again = "/proc/self/fd/" + std::to_string(place->get());
  UniqueFd fd(::open(again.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd) return std::optional(std::move(fd));
  if (!is_absent(errno)) return system_error("cannot read", path, errno);
  auto named = root.open_below(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | more);
  if (!named) return system_error("cannot read", path, named.error());
  return std::optional(std::move(*named));
}

Result<std::string> read_whole(int fd, const struct stat& status, const std::string& path) {
  // Files in /proc report a size of 0. Reading one byte more than the size shows the end at once.
  constexpr std::size_t least = 4096;
  const auto size = std::min(static_cast<std::size_t>(status.st_size), largest_file);
  std::string content(std::max(size + 1, least), '\0');
  std::size_t used = 0;
  for (;;) {
    if (used == content.size()) content.resize(2 * used);
    const auto count = ::read(fd, content.data() + used, content.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read", path, errno);
    used += static_cast<std::size_t>(count);
    if (used > largest_file) return odd_file(path, EFBIG);
    if (count == 0) break;
  }
  content.resize(used);
  return content;
}

}  // namespace

Result<std::optional<std::string>> read_file(const RootedDirectory& root, const std::string& path) {
  struct stat status{};
  const auto fd = open_regular(root, path, 0, status);
  if (!fd) return std::unexpected(fd.error());
  if (!*fd) return std::nullopt;
  return read_whole((*fd)->get(), status, path);
}

Result<std::vector<std::string>> list_directory(const RootedDirectory& root,
                                                const std::string& path) {
  auto fd = root.open_below(path, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    if (is_absent(fd.error())) return std::vector<std::string>();
    return system_error("cannot list", path, fd.error());
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd->get()), ::closedir);
  if (!directory) return system_error("cannot list", path, errno);
  (void)fd->release();  // closedir closes it
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

Result<std::optional<FileStatus>> file_status(const RootedDirectory& root,
                                              const std::string& path) {
  const auto raw = root.status(path);
  if (!raw) {
    if (is_absent(raw.error())) return std::nullopt;
    return system_error("cannot access", path, raw.error());
  }
  return FileStatus{kind_of(raw->st_mode), static_cast<std::uint64_t>(raw->st_size),
                    modification_time(*raw), raw->st_dev};
}

std::optional<std::string> link_target(const RootedDirectory& root, const std::string& path) {
  const auto fd = root.open_below(path, O_PATH | O_NOFOLLOW);
  if (!fd) return std::nullopt;
  std::array<char, 4096> target{};
  const auto length = ::readlinkat(fd->get(), "", target.data(), target.size());
  if (length < 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(length));
}

Result<std::optional<UniqueFd>> file_descriptor(const RootedDirectory& root,
                                                const std::string& path) {
  struct stat status{};
  return open_regular(root, path, 0, status);
}

Result<std::optional<UniqueFd>> directory_descriptor(const RootedDirectory& root,
                                                     const std::string& path) {
  auto fd = root.open_below(path, O_RDONLY | O_DIRECTORY);
  if (fd) return std::optional(std::move(*fd));
  if (is_absent(fd.error())) return std::optional<UniqueFd>();
  return system_error("cannot open", path, fd.error());
}

Result<FileState> file_state(const RootedDirectory& root, const std::string& path) {
  const auto raw = root.status(path);
  if (!raw) {
    if (is_absent(raw.error())) return Absent{};
    return system_error("cannot access", path, raw.error());
  }
  const unsigned mode = raw->st_mode & 07777U;
  switch (kind_of(raw->st_mode)) {
    case FileKind::directory:
      return Directory{mode, raw->st_uid, raw->st_gid};
    case FileKind::symbolic_link:
      return SymbolicLink{link_target(root, path).value_or(std::string())};
    case FileKind::regular: {
      struct stat status{};
      const auto fd = open_regular(root, path, O_NOFOLLOW, status);
      if (!fd) return std::unexpected(fd.error());
      if (!*fd) return Absent{};
      auto content = read_whole((*fd)->get(), status, path);
      if (!content) return failure_of(content);
      return RegularFile{
          std::move(*content), status.st_mode & 07777U,   status.st_uid,
          status.st_gid,       modification_time(status), read_attributes((*fd)->get())};
    }
    case FileKind::other:
      break;
  }
  return std::unexpected(Error{ErrorKind::failed,
                               printable(path) + " is a FIFO, a device or a socket",
                               "Move it away, and try again.", ENODEV});
}

bool path_exists(const RootedDirectory& root, const std::string& path) {
  return root.open_below(path, O_PATH).has_value();
}

Result<std::unique_ptr<FileReader>> open_reader(const std::string& root) {
  auto directory = RootedDirectory::open(root);
  if (!directory) return failure_of(directory);
  class Reader final : public RootedReader<FileReader> {
   public:
    using RootedReader<FileReader>::RootedReader;
  };
  return std::make_unique<Reader>(std::move(*directory));
}

}  // namespace vfio_switch
