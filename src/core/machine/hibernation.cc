// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/hibernation.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/base/shell_words.h"
#include "core/base/text.h"

namespace vfio_switch {

namespace {

bool names_device(std::string_view value) {
  return !value.empty() && value != "none" && value != "auto";
}

bool turns_off(std::string_view word) {
  constexpr std::array<std::string_view, 4> words = {"noresume", "nohibernate", "hibernate=no",
                                                     "hibernate=noresume"};
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

std::optional<Place> find_resume_setting(std::string_view text) {
  const auto assignments = find_assignments(text);
  if (!assignments) return std::nullopt;
  std::optional<Place> found;
  for (const auto& assignment : *assignments) {
    if (assignment.name != "RESUME") continue;
    found.reset();
    if (!names_device(unquoted(text, assignment))) continue;
    const auto before = text.substr(0, assignment.line);
    found = Place{std::string(resume_setting_path),
                  static_cast<int>(std::ranges::count(before, '\n')) + 1};
  }
  return found;
}

std::optional<Item> find_hibernation(const SystemFacts& facts) {
  std::string lines;
  if (const auto next = next_entry(facts.boot_menu)) {
    lines += facts.boot_menu.entries[*next].command_line.value_or("") + " ";
  }
  lines += facts.command_line;
  const auto words = split_words(lines, " \t\n");
  if (std::ranges::any_of(words, turns_off)) return std::nullopt;
  constexpr std::string_view key = "resume=";
  for (const auto word : words) {
    if (word.starts_with(key) && names_device(word.substr(key.size()))) {
      return Parameter{std::string(word)};
    }
  }
  if (facts.resume_setting) return *facts.resume_setting;
  return std::nullopt;
}

}  // namespace vfio_switch
