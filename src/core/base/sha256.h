// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace vfio_switch {

/// SHA-256 (FIPS 180-4) of `data` as 64 lower-case hex digits: what sha256sum(1) prints.
/// Own code because none of the libraries that the program may require offers a digest; it
/// detects edits and torn writes, and guards nothing against an attacker.
[[nodiscard]] std::string sha256(std::string_view data);

}  // namespace vfio_switch
