// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expected>

#include "core/base/error.h"
#include "system/process/unique_fd.h"

namespace vfio_switch {

/// An empty directory in memory, which no path leads to: a tmpfs that is mounted nowhere
/// (fsmount(2)) and goes with its descriptor. For libraries that read files by name, in commands
/// that write nothing. An ordinary user gets it from a user namespace; an Error (permission) where
/// the system allows none.
[[nodiscard]] Result<UniqueFd> make_memory_directory();

/// What went wrong in it, from errno.
[[nodiscard]] std::unexpected<Error> memory_error(int code);

}  // namespace vfio_switch
