// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_lines.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/efi_variables.h"

namespace vfio_switch {

namespace {

/// The words of one line; `line` is its text up to the end.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  bool quoted = false;
  std::size_t at = 0;
  const auto is = [&](std::string_view set) {
    return at < line.size() && set.find(line[at]) != std::string_view::npos;
  };
  while (true) {
    while (!quoted && is(" \t=,")) ++at;
    if (at >= line.size() || line[at] == '#') return words;
    if (line[at] == '"') {
      quoted = !quoted;
      ++at;
    }
    std::string word;
    while (at < line.size() && (quoted || !is(" \t=#,"))) {
      if (line[at] == '"') {
        // Two quotes are one that is meant.
        if (at + 1 >= line.size() || line[at + 1] != '"') {
          quoted = !quoted;
          break;
        }
        ++at;
      }
      word += line[at] == '/' && !quoted ? '\\' : line[at];
      ++at;
    }
    words.push_back(std::move(word));
    if (at >= line.size() || line[at] == '#') return words;
    ++at;
  }
}

}  // namespace

std::vector<RefindLine> refind_lines(std::string_view text) {
  std::vector<RefindLine> lines;
  std::string decoded;
  if (text.starts_with("\xff\xfe")) {
    decoded = utf8_of_efi(text.substr(2));
    text = decoded;
  } else if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  int number = 1;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\n\r"), text.size());
    const auto line = text.substr(0, end);
    auto words = words_of(line.substr(0, line.find('\0')));
    if (!words.empty()) lines.push_back({std::move(words), number});
    if (end < text.size() && text[end] == '\n') ++number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string refind_path(std::string_view path) {
  std::string whole;
  for (const auto part : split_words(path, "/\\")) {
    if (!whole.empty()) whole += '\\';
    whole += part;
  }
  return whole;
}

}  // namespace vfio_switch
