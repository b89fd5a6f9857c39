// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/boot_entry.h"

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <vector>

#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

namespace {

constexpr std::string_view options_key = "options";

/// Part of one line, without its end.
struct Span {
  std::size_t begin;
  std::size_t end;

  [[nodiscard]] std::string_view of(std::string_view text) const {
    return text.substr(begin, end - begin);
  }
};

std::vector<Span> lines_of(std::string_view text) {
  std::vector<Span> lines;
  std::size_t begin = 0;
  for (const auto line : split_lines(text)) {
    lines.push_back({begin, begin + line.size() - (line.ends_with('\r') ? 1 : 0)});
    begin += line.size() + 1;
  }
  return lines;
}

/// What follows `key` in each of its lines.
std::vector<Span> values_of(std::string_view text, std::string_view key) {
  std::vector<Span> values;
  for (const auto& line : lines_of(text)) {
    const auto words = split_words(line.of(text));
    if (words.empty() || words.front() != key) continue;
    const auto indent = static_cast<std::size_t>(words.front().data() - text.data());
    values.push_back({indent + key.size(), line.end});
  }
  return values;
}

/// The lines of a command line file that are neither empty nor comments.
std::vector<Span> live_lines(std::string_view text) {
  auto lines = lines_of(text);
  std::erase_if(lines, [&](const Span& line) {
    const auto content = trim(line.of(text));
    return content.empty() || content.front() == '#';
  });
  return lines;
}

std::string with(std::string_view text, Span span, std::string_view replacement) {
  return std::string(text).replace(span.begin, span.end - span.begin, replacement);
}

bool any_has(std::string_view text, const std::vector<Span>& spans, std::string_view parameter) {
  return std::ranges::any_of(
      spans, [&](const Span& span) { return has_parameter(span.of(text), parameter); });
}

/// Takes `parameter` out of the last span that has it.
std::string remove_from(std::string_view text, const std::vector<Span>& spans,
                        std::string_view parameter) {
  for (const auto& span : std::views::reverse(spans)) {
    if (!has_parameter(span.of(text), parameter)) continue;
    return with(text, span, remove_parameter(span.of(text), parameter));
  }
  return std::string(text);
}

/// An entry without options gets this line. A line that was there before never looks like this
/// after a parameter was added to it, since a blank is put before the parameter.
std::string own_line(std::string_view parameter) {
  return std::string(options_key) + "\t" + std::string(parameter);
}

}  // namespace

bool entry_has_parameter(std::string_view text, std::string_view parameter) {
  return any_has(text, values_of(text, options_key), parameter);
}

bool is_kernel_entry(std::string_view path, std::string_view text) {
  const auto name = path.substr(path.rfind('/') + 1);
  return name.find("rescue") == std::string_view::npos &&
         name.find("fallback") == std::string_view::npos && !values_of(text, "linux").empty();
}

std::string_view entry_version(std::string_view text) {
  const auto values = values_of(text, "version");
  return values.empty() ? std::string_view() : trim(values.front().of(text));
}

std::optional<std::string> add_entry_parameter(std::string_view text, std::string_view parameter) {
  if (values_of(text, "linux").empty()) return std::nullopt;
  const auto values = values_of(text, options_key);
  if (values.empty()) {
    const bool whole = text.empty() || text.ends_with('\n');
    return std::string(text) + (whole ? "" : "\n") + own_line(parameter) + (whole ? "\n" : "");
  }
  const auto& last = values.back();
  if (last.begin == last.end) return with(text, last, " " + std::string(parameter));
  const auto added = add_parameter(last.of(text), parameter);
  return added ? std::optional(with(text, last, *added)) : std::nullopt;
}

std::string remove_entry_parameter(std::string_view text, std::string_view parameter) {
  const auto own = own_line(parameter);
  for (const auto& line : lines_of(text)) {
    if (line.of(text) != own) continue;
    const bool ended = line.end < text.size();
    const auto begin = ended || line.begin == 0 ? line.begin : line.begin - 1;
    return with(text, {begin, ended ? line.end + 1 : line.end}, "");
  }
  return remove_from(text, values_of(text, options_key), parameter);
}

bool says_something(std::string_view text) {
  return !live_lines(text).empty();
}

bool cmdline_file_has_parameter(std::string_view text, std::string_view parameter) {
  return any_has(text, live_lines(text), parameter);
}

std::optional<std::string> add_cmdline_file_parameter(std::string_view text,
                                                      std::string_view parameter) {
  const auto lines = live_lines(text);
  if (lines.empty()) return std::nullopt;
  const auto added = add_parameter(lines.back().of(text), parameter);
  return added ? std::optional(with(text, lines.back(), *added)) : std::nullopt;
}

std::string remove_cmdline_file_parameter(std::string_view text, std::string_view parameter) {
  return remove_from(text, live_lines(text), parameter);
}

std::string_view first_line(std::string_view text) {
  auto line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return trim(line).starts_with('#') ? std::string_view() : line;
}

bool first_line_has_parameter(std::string_view text, std::string_view parameter) {
  return has_parameter(first_line(text), parameter);
}

std::optional<std::string> add_first_line_parameter(std::string_view text,
                                                    std::string_view parameter) {
  const auto line = first_line(text);
  if (trim(line).empty()) return std::nullopt;
  const auto added = add_parameter(line, parameter);
  return added ? std::optional(with(text, {0, line.size()}, *added)) : std::nullopt;
}

std::string remove_first_line_parameter(std::string_view text, std::string_view parameter) {
  const auto line = first_line(text);
  return with(text, {0, line.size()}, remove_parameter(line, parameter));
}

}  // namespace vfio_switch
