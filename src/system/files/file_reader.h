// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/files/file_state.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

enum class FileKind { regular, directory, symbolic_link, other };

/// What lstat(2) says about a path.
struct FileStatus {
  FileKind kind = FileKind::other;
  std::uint64_t size = 0;     ///< bytes
  std::int64_t modified = 0;  ///< ns since 1970
  std::uint64_t device = 0;   ///< equal for what is on the same file system
};

/// Reads below one root; every path is absolute as seen inside it, and symbolic links resolve
/// inside it (openat2(2), RESOLVE_IN_ROOT). A command that changes nothing is given nothing more.
class FileReader {
 public:
  FileReader() = default;
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  FileReader(FileReader&&) = delete;
  FileReader& operator=(FileReader&&) = delete;
  virtual ~FileReader() = default;

  /// True for "/": /proc and /sys are then of the running kernel.
  [[nodiscard]] virtual bool is_running_system() const = 0;
  /// The bytes of a regular file; nothing where none stands there, empty of the null device. An
  /// Error where what stands there cannot be read; its code is EISDIR for a directory, ENODEV for
  /// a FIFO, a device or a socket, which are not opened, EFBIG for more than 16 MiB. Files of other
  /// programs are read through ForeignFiles, which tells these apart.
  [[nodiscard]] virtual Result<std::optional<std::string>> read(const std::string& path) const = 0;
  /// The names in a directory, sorted; empty where there is none.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& path) const = 0;
  /// Of the path itself: a symbolic link is not followed. Nothing where nothing stands there.
  [[nodiscard]] virtual Result<std::optional<FileStatus>> status(const std::string& path) const = 0;
  /// The target of a symbolic link; nothing where none stands there.
  [[nodiscard]] virtual std::optional<std::string> read_link(const std::string& path) const = 0;
  /// A regular file of any size; nothing where none stands there.
  [[nodiscard]] virtual Result<std::optional<UniqueFd>> open_file(
      const std::string& path) const = 0;
  /// A directory for a library that takes one; nothing where there is none.
  [[nodiscard]] virtual Result<std::optional<UniqueFd>> open_directory(
      const std::string& path) const = 0;

  /// What stands at `path`, whole. An Error for what no FileState describes.
  [[nodiscard]] virtual Result<FileState> state(const std::string& path) const = 0;

  /// Follows symbolic links.
  [[nodiscard]] virtual bool exists(const std::string& path) const = 0;

  /// Mount points that only this reader sees, of ESPs that are not mounted for others.
  [[nodiscard]] virtual std::vector<std::string> own_mounts() const { return {}; }
};

/// Opens `root` ("/" or the argument of --sysroot) for reading.
[[nodiscard]] Result<std::unique_ptr<FileReader>> open_reader(const std::string& root);

}  // namespace vfio_switch
