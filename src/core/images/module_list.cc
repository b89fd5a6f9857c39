// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/module_list.h"

#include <cstddef>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

constexpr std::string_view list_separators = " \t\"'()=+";

bool is_list_separator(char c) {
  return list_separators.find(c) != std::string_view::npos;
}

/// `line` without `module` and one of the blanks beside it.
std::string without_word(const std::string& line, std::string_view module) {
  for (const auto word : split_words(line, list_separators)) {
    if (module_name(word) != module) continue;
    auto begin = static_cast<std::size_t>(word.data() - line.data());
    auto end = begin + word.size();
    const bool blank_before = begin > 0 && line[begin - 1] == ' ';
    const bool blank_behind = end < line.size() && line[end] == ' ';
    if (blank_before && (blank_behind || end == line.size() || is_list_separator(line[end]))) {
      --begin;
    } else if (blank_behind) {
      ++end;
    }
    return line.substr(0, begin) + line.substr(end);
  }
  return line;
}

}  // namespace

Edit without_modules(const Place& place, std::string_view line,
                     const std::vector<std::string>& modules) {
  Edit edit{place, std::string(line), {}};
  // An array, or a value of a shell variable: other modules stand beside it.
  if (line.find_first_of("(\"'") == std::string_view::npos) return edit;
  auto rest = edit.from;
  for (const auto& module : modules) rest = without_word(rest, module_name(module));
  if (rest != edit.from) edit.to = std::move(rest);
  return edit;
}

}  // namespace vfio_switch
