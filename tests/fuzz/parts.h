// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/text.h"

namespace vfio_switch::fuzz {

/// Parts of the input by name, each behind a line "--- NAME"; what stands before the first has
/// none.
inline std::map<std::string, std::string> parts_of(std::string_view text) {
  std::map<std::string, std::string> parts;
  std::string name;
  for (const auto line : split_lines(text)) {
    if (line.starts_with("--- ")) {
      name = std::string(line.substr(4));
      continue;
    }
    parts[name] += std::string(line) + "\n";
  }
  return parts;
}

}  // namespace vfio_switch::fuzz
