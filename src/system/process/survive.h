// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>

namespace vfio_switch {

enum class Survival {
  yes,    ///< it gave true
  no,     ///< it gave false
  ended,  ///< it crashed, or did not end in time
};

/// Tries something in a child process, which tells nothing but whether it came to an end and how:
/// for what may be ended by data of others.
[[nodiscard]] Survival survive(std::chrono::seconds patience, const std::function<bool()>& attempt);

}  // namespace vfio_switch
