// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// A line of a file that systemd-boot reads.
struct LoaderLine {
  std::string key;
  std::string value;
  int line = 0;  ///< from 1

  bool operator==(const LoaderLine&) const = default;
};

/// The lines of loader.conf, of entries, and of os-release sections, as systemd-boot reads them
/// (efi-string.c, line_get_key_value): key and value are parted by characters of `separators`,
/// lines without a value and those that begin with '#' are skipped, and a value in double quotes
/// loses them.
[[nodiscard]] std::vector<LoaderLine> loader_lines(std::string_view text,
                                                   std::string_view separators);

}  // namespace vfio_switch
