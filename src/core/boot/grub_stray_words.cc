// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_stray_words.h"

#include <algorithm>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/parameter_file.h"

namespace vfio_switch {

namespace {

/// What stands behind `end` in its line, without a comment; empty where a new command begins.
std::string_view rest_of_line(std::string_view script, std::size_t end) {
  auto rest = script.substr(end, script.find('\n', end) - end);
  rest = trim(rest.substr(0, rest.find(" #")));
  constexpr std::string_view separators = "#;&|)\\";  // or the line goes on in the next one
  return !rest.empty() && separators.contains(rest.front()) ? std::string_view() : rest;
}

/// `name=value` with a name that no variable of the shell can have.
bool is_module_parameter(std::string_view word) {
  const auto name = word.substr(0, word.find('='));
  return name.size() < word.size() && name.find_first_of(".-") != std::string_view::npos;
}

}  // namespace

std::optional<StrayWords> find_stray_words(std::string_view settings) {
  const auto assignments = find_assignments(settings);
  if (!assignments) return std::nullopt;
  for (const auto& assignment : *assignments) {
    const auto rest = rest_of_line(settings, assignment.end);
    const bool ours = assignment.name.starts_with("GRUB_CMDLINE_LINUX");
    const auto first = rest.substr(0, rest.find_first_of(" \t"));
    if (rest.empty() || (!ours && !is_module_parameter(first))) continue;
    const auto before = settings.substr(0, assignment.line);
    StrayWords stray;
    stray.line = 1 + static_cast<int>(std::ranges::count(before, '\n'));
    stray.text =
        settings.substr(assignment.line, settings.find('\n', assignment.end) - assignment.line);
    if (ours) {
      auto value = unquoted(settings, assignment);
      if (!value.empty()) value += ' ';
      stray.repaired = assignment.name + (assignment.appends ? "+=\"" : "=\"") + value;
      stray.repaired.append(rest).append("\"");
    }
    return stray;
  }
  return std::nullopt;
}

std::optional<Obstacle> stray_words_of(const Grub& grub) {
  for (const auto& file : grub.settings) {
    const auto* content = content_of(file);
    if (content == nullptr) continue;
    auto stray = find_stray_words(*content);
    if (!stray) continue;
    const Place place{file.path, stray->line};
    Remedy remedy = {Edit{place, std::move(stray->text), std::move(stray->repaired)}};
    if (!grub.command.empty()) remedy.emplace_back(Run{{grub.command}, true});
    return Obstacle{{ReasonCause::words_outside_quotes, {{"place", place}}}, std::move(remedy)};
  }
  return std::nullopt;
}

}  // namespace vfio_switch
