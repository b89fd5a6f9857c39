// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace vfio_switch {

/// Reads the first page of each of `files`, open for reading, in a child process: some attributes
/// of sysfs take the device's lock, and wait for ever, unkillably, while a driver hangs that is
/// being taken from the device. Nothing for one that gave no answer within `patience`, and for
/// those whose reading failed; -1 is no file. A child that hangs is left behind: it holds nothing
/// of ours, and ends when the kernel lets it.
[[nodiscard]] std::vector<std::optional<std::string>> read_bounded(
    const std::vector<int>& files, std::chrono::milliseconds patience);

}  // namespace vfio_switch
