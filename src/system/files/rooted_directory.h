// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <expected>
#include <string>

#include "core/base/error.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

/// A directory that paths are opened below: absolute as seen inside it, symbolic links resolved
/// inside it (openat2(2), RESOLVE_IN_ROOT). Held by descriptor, so that it cannot be replaced while
/// a command runs. Failures are errno values, since callers treat some of them as normal.
class RootedDirectory {
 public:
  [[nodiscard]] static Result<RootedDirectory> open(const std::string& root);

  [[nodiscard]] std::expected<UniqueFd, int> open_below(const std::string& path, int flags,
                                                        mode_t mode = 0) const;
  /// Of the path itself: a symbolic link is not followed.
  [[nodiscard]] std::expected<struct stat, int> status(const std::string& path) const;

  /// True for "/".
  [[nodiscard]] bool is_running_system() const { return is_running_system_; }

 private:
  RootedDirectory(UniqueFd root, bool is_running_system)
      : root_(std::move(root)), is_running_system_(is_running_system) {}

  UniqueFd root_;
  bool is_running_system_;
};

/// "WHAT PATH: why", with the exit status and the remedy that fit the errno value `code`.
[[nodiscard]] std::unexpected<Error> system_error(const std::string& what, const std::string& path,
                                                  int code);

/// True if `code` says that nothing stands at a path.
[[nodiscard]] bool is_absent(int code);

}  // namespace vfio_switch
