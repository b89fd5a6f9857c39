// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace vfio_switch {

/// Reads the first page of each of `files`, open for reading, in a child process: some attributes
/// of sysfs take the device's lock, and wait for ever, unkillably, while a driver hangs that is
/// being taken from the device. The result of a file is empty if it gave no answer within
/// `patience`, if reading it failed, or if its descriptor is -1. A child that hangs is left behind:
/// it keeps nothing of ours open, and ends when the kernel lets it.
[[nodiscard]] std::vector<std::optional<std::string>> read_bounded(
    const std::vector<int>& files, std::chrono::milliseconds patience);

}  // namespace vfio_switch
