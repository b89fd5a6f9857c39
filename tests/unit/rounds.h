// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace vfio_switch::test {

/// How many of `all` random cases a property is tried on: each of them, or, where
/// VFIO_SWITCH_FAST=1, the first tenth. tests/run says which.
inline std::uint32_t rounds(std::uint32_t all) {
  const char* fast = std::getenv("VFIO_SWITCH_FAST");
  return fast != nullptr && std::string_view(fast) == "1" ? all / 10 : all;
}

}  // namespace vfio_switch::test
