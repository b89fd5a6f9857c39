// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/shell_settings.h"

#include <algorithm>

#include "core/base/shell_words.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

namespace {

/// Behind an assignment that was added with the first parameter.
constexpr std::string_view own_mark = " # added by vfio-switch";

bool is_whole_quoted(const ShellAssignment& assignment) {
  return assignment.segments.size() == 1 && assignment.segments[0].quoting != Quoting::none;
}

/// What is appended to a value that is not a single quoted word: `' PARAMETER'`.
std::string own_segment(std::string_view parameter) {
  return "' " + std::string(parameter) + "'";
}

std::string own_line(const ShellSettings& settings, std::string_view value) {
  std::string line(settings.variables.front());
  line += "=\"";
  line += settings.former;
  line += value;
  line += '"';
  line += own_mark;
  return line;
}

/// The last assignment to the first variable that `fits`; null where there is none.
template <class Fits>
const ShellAssignment* last_assignment(const ShellSettings& settings,
                                       const std::vector<ShellAssignment>& assignments, Fits fits) {
  for (const auto variable : settings.variables) {
    const auto found =
        std::find_if(assignments.rbegin(), assignments.rend(),
                     [&](const ShellAssignment& one) { return one.name == variable && fits(one); });
    if (found != assignments.rend()) return &*found;
  }
  return nullptr;
}

std::optional<std::string> add_to_value(std::string_view text, const ShellAssignment& assignment,
                                        std::string_view parameter) {
  std::string added(text);
  const auto own = own_segment(parameter);
  if (!is_whole_quoted(assignment)) return added.insert(assignment.end, own);
  const auto size = assignment.end - assignment.value - 2;
  // What comes first in an appended value would become one word with what is there.
  if (size == 0 && assignment.appends) return added.insert(assignment.end, own);
  const auto value = add_parameter(text.substr(assignment.value + 1, size), parameter);
  if (!value) return std::nullopt;
  return added.replace(assignment.value + 1, size, *value);
}

std::string add_line(const ShellSettings& settings, std::string_view text,
                     std::string_view parameter) {
  const bool whole = text.empty() || text.ends_with('\n');
  return std::string(text) + (whole ? "" : "\n") + own_line(settings, parameter) +
         (whole ? "\n" : "");
}

/// `text` without the line that begins at `begin`, and without the line end that came with it.
std::string without_line(std::string_view text, std::size_t begin, std::size_t size) {
  std::string rest(text);
  if (begin + size < text.size()) return rest.erase(begin, size + 1);
  return begin == 0 ? rest.erase(begin, size) : rest.erase(begin - 1, size + 1);
}

/// True if the value that the variable had before is part of its new one.
bool keeps_former(std::string_view value, const ShellAssignment& assignment) {
  return assignment.appends || value.find("$" + assignment.name) != std::string_view::npos ||
         value.find("${" + assignment.name) != std::string_view::npos;
}

}  // namespace

bool leave_value(const ShellSettings& settings, std::string_view text) {
  const auto assignments = find_assignments(text);
  if (!assignments) return false;
  bool has_value = false;
  for (const auto& assignment : *assignments) {
    if (assignment.name != settings.variables.front()) continue;
    const auto value = unquoted(text, assignment);
    has_value = (has_value && keeps_former(value, assignment)) || !value.empty();
  }
  return has_value;
}

bool has_parameter(const ShellSettings& settings, std::string_view text,
                   std::string_view parameter) {
  const auto assignments = find_assignments(text);
  if (!assignments) return false;
  return std::ranges::any_of(settings.variables, [&](std::string_view variable) {
    bool has = false;
    for (const auto& assignment : *assignments) {
      if (assignment.name != variable) continue;
      const auto value = unquoted(text, assignment);
      has = (has && keeps_former(value, assignment)) || has_parameter(value, parameter);
    }
    return has;
  });
}

std::optional<std::string> add_parameter(const ShellSettings& settings, std::string_view text,
                                         std::string_view parameter) {
  const auto assignments = find_assignments(text);
  if (!assignments) return std::nullopt;
  const auto* last =
      last_assignment(settings, *assignments, [&](const ShellAssignment& assignment) {
        return settings.former.empty() || !unquoted(text, assignment).empty();
      });
  auto added =
      last == nullptr ? add_line(settings, text, parameter) : add_to_value(text, *last, parameter);
  // A line end that is continued, for one, swallows what follows it.
  if (added && !has_parameter(settings, *added, parameter)) return std::nullopt;
  if (last == nullptr && find_assignments(*added)->size() == assignments->size()) {
    return std::nullopt;
  }
  return added;
}

std::string remove_parameter(const ShellSettings& settings, std::string_view text,
                             std::string_view parameter) {
  std::string rest(text);
  const auto assignments = find_assignments(text);
  if (!assignments) return rest;
  const auto* last =
      last_assignment(settings, *assignments, [&](const ShellAssignment& assignment) {
        return has_parameter(unquoted(text, assignment), parameter);
      });
  if (last == nullptr) return rest;
  const auto line = own_line(settings, parameter);
  const auto size_of_line = std::min(text.find('\n', last->line), text.size()) - last->line;
  if (text.substr(last->line, size_of_line) == line) {
    return without_line(text, last->line, line.size());
  }
  const auto own = std::ranges::find_if(last->segments, [&](const ShellSegment& segment) {
    return text.substr(segment.begin, segment.end - segment.begin) == own_segment(parameter);
  });
  if (own != last->segments.end()) return rest.erase(own->begin, own->end - own->begin);
  if (!is_whole_quoted(*last)) return rest;
  const auto size = last->end - last->value - 2;
  return rest.replace(last->value + 1, size,
                      remove_parameter(text.substr(last->value + 1, size), parameter));
}

}  // namespace vfio_switch
