// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/config_line.h"

#include "core/base/text.h"

namespace vfio_switch {

std::vector<ConfigLine> config_lines(const std::string& path, std::string_view text) {
  std::vector<ConfigLine> lines;
  int number = 0;
  for (const auto raw : split_lines(text)) {
    ++number;
    const auto line = trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    lines.push_back({path, number, std::string(line)});
  }
  return lines;
}

}  // namespace vfio_switch
