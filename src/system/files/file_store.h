// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/files/file_state.h"
#include "system/files/file_reader.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

/// The name beside `path` under which a file is prepared before it is renamed to `path`; what a
/// crash leaves there may be removed.
[[nodiscard]] std::string temporary_path(const std::string& path);

/// The name beside `path` under which a tool builds the file that then replaces it.
[[nodiscard]] std::string fresh_path(const std::string& path);

/// Reads and changes below one root. Every change is on disk when its call returns.
class FileStore : public FileReader {
 public:
  /// Makes `path` be `wanted`, atomically: a temporary file in the same directory, attributes, mode
  /// and owner set, fsync, rename, fsync of the directory. The directory must exist. A symbolic
  /// link at `path` is replaced, never followed. Extended attributes of the file that stands there
  /// are kept.
  [[nodiscard]] virtual Result<void> replace(const std::string& path, const FileState& wanted) = 0;
  /// Adds `text` at the end of a file (made with mode 0600 where absent) and syncs it. On an Error
  /// the file is as long as before.
  [[nodiscard]] virtual Result<void> append(const std::string& path, const std::string& text) = 0;
  /// Keeps the file at `path` under `as`: by a second name where `by_link` allows it (only if
  /// whoever changes the file will replace it, not write into it) and `as` is in the same directory
  /// of a file system that can, else as a copy with the same times. What stands at `as` is whole.
  [[nodiscard]] virtual Result<void> keep(const std::string& path, const std::string& as,
                                          bool by_link) = 0;
  /// Puts what stands at `as` in the place of `path`, its bytes on disk first; nothing is left
  /// under `as`. From another directory it is copied, beside `path` and renamed where there is room
  /// for that, else into the file itself, and read again.
  [[nodiscard]] virtual Result<void> put_back(const std::string& as, const std::string& path) = 0;
  /// Takes `path` out of the way under the name `as`, in the same directory, whatever it is.
  [[nodiscard]] virtual Result<void> set_aside(const std::string& path, const std::string& as) = 0;
  /// The bytes that are free on the file system of `path`, or of the nearest directory above it.
  [[nodiscard]] virtual Result<std::uint64_t> free_space(const std::string& path) const = 0;
  /// Opens a file for locking, made with mode 0600 where absent.
  [[nodiscard]] virtual Result<UniqueFd> open_lock(const std::string& path) = 0;
};

/// Opens `root` ("/" or the argument of --sysroot) for reading and changing.
[[nodiscard]] Result<std::unique_ptr<FileStore>> open_store(const std::string& root);

}  // namespace vfio_switch
