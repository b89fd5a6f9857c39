// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// A line of a configuration file, with its place.
struct ConfigLine {
  std::string path;
  int line = 0;
  std::string text;

  /// "/etc/modules:3"
  [[nodiscard]] std::string where() const { return path + ":" + std::to_string(line); }

  bool operator==(const ConfigLine&) const = default;
};

/// The lines of `text` that are neither empty nor comments, trimmed.
[[nodiscard]] std::vector<ConfigLine> config_lines(const std::string& path, std::string_view text);

}  // namespace vfio_switch
