// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_kernel.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_byte_escape(std::string_view text) {
  return text.size() >= 4 && text[0] == '\\' && text[1] == 'x' && is_hex(text[2]) &&
         is_hex(text[3]);
}

std::string quoted(std::string_view argument) {
  std::string text;
  while (!argument.empty()) {
    if (is_byte_escape(argument)) {
      text += argument.substr(0, 4);
      argument.remove_prefix(4);
      continue;
    }
    const char c = argument.front();
    if (c == '\\' || c == '\'' || c == '"') text += '\\';
    text += c;
    argument.remove_prefix(1);
  }
  return text.find(' ') == std::string::npos ? text : "\"" + text + "\"";
}

}  // namespace

std::string grub_command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  words.reserve(arguments.size());
  for (const auto& argument : arguments) words.push_back(quoted(argument));
  return join(words, " ");
}

void start_kernel(GrubStart& start, const GrubExpansion& words, const GrubState& state,
                  const EntrySource& source) {
  const auto note = [&](const std::string& name) {
    start.unknown.push_back({BootUnknownCode::variable, name, source.file, source.line});
  };
  const auto& first = words.ways.front();
  if (first.size() < 2) {
    start.unknown.push_back({BootUnknownCode::malformed, "linux", source.file, source.line});
    return;
  }
  start.kernel = grub_file(first[1], state);
  // Words that are there whatever the variables hold, and those that only may be.
  std::vector<std::string> common(first.begin() + 2, first.end());
  std::vector<std::string> possible;
  for (const auto& way : words.ways) {
    if (way.size() < 2 || way[1] != first[1]) {
      note(first[1]);
      continue;
    }
    const auto lacks = [&](const std::string& word) {
      return std::find(way.begin() + 2, way.end(), word) == way.end();
    };
    for (const auto& word : common) {
      if (lacks(word)) possible.push_back(word);
    }
    std::erase_if(common, lacks);
  }
  for (const auto& way : words.ways) {
    for (std::size_t i = 2; i < way.size(); ++i) {
      if (std::ranges::find(common, way[i]) == common.end()) possible.push_back(way[i]);
    }
  }
  std::ranges::sort(possible);
  const auto repeated = std::ranges::unique(possible);
  possible.erase(repeated.begin(), repeated.end());
  start.possible_words = std::move(possible);
  start.command_line = grub_command_line(common);
  for (const auto& name : words.open) note(name);
  if (!words.open.empty()) start.command_line.reset();
}

}  // namespace vfio_switch
