// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// The fields of os-release(5) that decide which profile is used.
struct OsRelease {
  std::string id;                    ///< "debian"; "linux" where the file does not say
  std::vector<std::string> id_like;  ///< nearest relative first
  std::string pretty_name;

  bool operator==(const OsRelease&) const = default;
};

/// Reads os-release(5). Never fails: a line that is not an assignment is skipped, as other readers
/// do.
[[nodiscard]] OsRelease parse_os_release(std::string_view text);

}  // namespace vfio_switch
