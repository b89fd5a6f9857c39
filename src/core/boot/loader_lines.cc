// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/loader_lines.h"

#include <algorithm>

namespace vfio_switch {

namespace {

std::string_view trim_blanks(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

std::vector<LoaderLine> loader_lines(std::string_view text, std::string_view separators) {
  std::vector<LoaderLine> lines;
  // For the loader the text ends at a NUL.
  text = text.substr(0, text.find('\0'));
  int number = 1;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\n\r"), text.size());
    const auto line = trim_blanks(text.substr(0, end));
    const int current = number;
    if (end < text.size() && text[end] == '\n') ++number;
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto separator = line.find_first_of(separators);
    if (separator == std::string_view::npos) continue;
    auto value = line.substr(separator + 1);
    value.remove_prefix(std::min(value.find_first_not_of(separators), value.size()));
    if (value.size() > 1 && value.starts_with('"') && value.ends_with('"')) {
      value = value.substr(1, value.size() - 2);
    }
    lines.push_back({std::string(line.substr(0, separator)), std::string(value), current});
  }
  return lines;
}

}  // namespace vfio_switch
