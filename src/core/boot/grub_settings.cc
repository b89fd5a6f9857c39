// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_settings.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "core/base/shell_words.h"
#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"
#include "core/files/seal.h"

namespace vfio_switch {

namespace {

/// Of ordinary entries alone, and of all: recovery entries are better left as they are.
constexpr std::array<std::string_view, 2> variables = {"GRUB_CMDLINE_LINUX_DEFAULT",
                                                       "GRUB_CMDLINE_LINUX"};
/// Behind an assignment that was added with the first parameter.
constexpr std::string_view own_mark = " # added by vfio-switch";

bool is_whole_quoted(const ShellAssignment& assignment) {
  return assignment.segments.size() == 1 && assignment.segments[0].quoting != Quoting::none;
}

/// What is appended to a value that is not a single quoted word: `' PARAMETER'`.
std::string own_segment(std::string_view parameter) {
  return "' " + std::string(parameter) + "'";
}

std::string own_line(std::string_view value) {
  std::string line(variables.front());
  line += "=\"";
  line += value;
  line += '"';
  line += own_mark;
  return line;
}

/// The last assignment to the first variable that `fits`; null where there is none.
template <class Fits>
const ShellAssignment* last_assignment(const std::vector<ShellAssignment>& assignments, Fits fits) {
  for (const auto variable : variables) {
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
  if (!is_whole_quoted(assignment)) return added.insert(assignment.end, own_segment(parameter));
  const auto size = assignment.end - assignment.value - 2;
  const auto value = add_parameter(text.substr(assignment.value + 1, size), parameter);
  if (!value) return std::nullopt;
  return added.replace(assignment.value + 1, size, *value);
}

std::string add_line(std::string_view text, std::string_view parameter) {
  const bool whole = text.empty() || text.ends_with('\n');
  return std::string(text) + (whole ? "" : "\n") + own_line(parameter) + (whole ? "\n" : "");
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

/// The command line that a line of grub.cfg gives to a kernel; empty: it starts none.
std::string_view command_line_of(std::string_view line) {
  const auto words = split_words(line);
  constexpr std::array<std::string_view, 4> commands = {"linux", "linuxefi", "linux16",
                                                        "multiboot"};
  if (words.size() < 2 || std::ranges::find(commands, words[0]) == commands.end()) return {};
  return line.substr(static_cast<std::size_t>(words[1].data() - line.data()));
}

}  // namespace

bool grub_settings_have(std::string_view text, std::string_view parameter) {
  const auto assignments = find_assignments(text);
  if (!assignments) return false;
  return std::ranges::any_of(variables, [&](std::string_view variable) {
    bool has = false;
    for (const auto& assignment : *assignments) {
      if (assignment.name != variable) continue;
      const auto value = unquoted(text, assignment);
      has = (has && keeps_former(value, assignment)) || has_parameter(value, parameter);
    }
    return has;
  });
}

std::optional<std::string> add_grub_parameter(std::string_view text, std::string_view parameter) {
  const auto assignments = find_assignments(text);
  if (!assignments) return std::nullopt;
  const auto* last = last_assignment(*assignments, [](const auto&) { return true; });
  auto added = last == nullptr ? add_line(text, parameter) : add_to_value(text, *last, parameter);
  // A line end that is continued, for one, swallows what follows it.
  if (added && !grub_settings_have(*added, parameter)) return std::nullopt;
  return added;
}

std::string remove_grub_parameter(std::string_view text, std::string_view parameter) {
  std::string rest(text);
  const auto assignments = find_assignments(text);
  if (!assignments) return rest;
  const auto* last = last_assignment(*assignments, [&](const ShellAssignment& assignment) {
    return has_parameter(unquoted(text, assignment), parameter);
  });
  if (last == nullptr) return rest;
  const auto line = own_line(parameter);
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

std::string render_grub_drop_in(const std::vector<std::string>& parameters) {
  const std::string variable(variables.front());
  return sealed(
      "# Kernel parameters for GPU passthrough. Written by vfio-switch;\n"
      "# 'vfio-switch rollback' takes them back.\n" +
      variable + "=\"$" + variable + " " + join(parameters, " ") + "\"\n");
}

std::vector<std::string> grub_drop_in_parameters(std::string_view text) {
  std::vector<std::string> parameters;
  const auto assignments = find_assignments(text);
  if (!assignments || assignments->empty()) return parameters;
  const auto value = unquoted(text, assignments->front());
  for (const auto word : split_words(value)) {
    if (!word.starts_with('$')) parameters.emplace_back(word);
  }
  return parameters;
}

bool grub_cfg_has(std::string_view text, std::string_view parameter) {
  return std::ranges::any_of(split_lines(text), [&](std::string_view line) {
    return has_parameter(command_line_of(line), parameter);
  });
}

}  // namespace vfio_switch
