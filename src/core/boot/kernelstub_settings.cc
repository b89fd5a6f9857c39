// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kernelstub_settings.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/boot/json_places.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

namespace {

/// The settings that count.
std::optional<JsonPlace> settings_of(std::string_view text) {
  const auto all = find_json_places(text);
  if (!all) return std::nullopt;
  const auto* settings = all->find("user");
  if (settings == nullptr) settings = all->find("default");
  return settings == nullptr ? std::nullopt : std::optional(*settings);
}

/// A string, or an array of nothing else.
std::optional<JsonPlace> options_of(std::string_view text) {
  const auto settings = settings_of(text);
  const auto* options = settings ? settings->find("kernel_options") : nullptr;
  if (options == nullptr) return std::nullopt;
  const auto is_string = [](const JsonPlace& place) { return place.kind == '"'; };
  const bool known = is_string(*options) ||
                     (options->kind == '[' && std::ranges::all_of(options->parts, is_string));
  return known ? std::optional(*options) : std::nullopt;
}

std::string quoted(std::string_view parameter) {
  std::string written = "\"";
  for (const char c : parameter) {
    if (c == '"' || c == '\\') written += '\\';
    written += c;
  }
  return written += '"';
}

std::string_view inside(std::string_view written) {
  return written.substr(1, written.size() - 2);
}

std::string with(std::string_view text, std::size_t begin, std::size_t end,
                 std::string_view replacement) {
  return std::string(text).replace(begin, end - begin, replacement);
}

/// What stands between a list's last element and what is before it.
std::string_view blanks_before(std::string_view text, std::size_t at) {
  auto begin = at;
  while (begin > 0 && std::string_view(" \t\r\n").contains(text[begin - 1])) --begin;
  return text.substr(begin, at - begin);
}

std::string without_element(std::string_view text, const JsonPlace& list, std::size_t index) {
  const auto& parts = list.parts;
  const auto& element = parts[index];
  if (index > 0) return with(text, parts[index - 1].end, element.end, "");
  if (parts.size() > 1) return with(text, element.begin, parts[1].begin, "");
  // Ours stands right behind the bracket, unless kernelstub has written the list anew.
  if (element.begin == list.begin + 1) return with(text, element.begin, element.end, "");
  return with(text, list.begin + 1, list.end - 1, "");
}

/// `text` with one word less in the string at `place`.
std::string without_word(std::string_view text, const JsonPlace& place, std::string_view word) {
  return with(text, place.begin + 1, place.end - 1,
              remove_parameter(inside(place.of(text)), inside(quoted(word))));
}

}  // namespace

std::optional<std::string> kernelstub_options(std::string_view text) {
  const auto options = options_of(text);
  if (!options) return std::nullopt;
  if (options->kind == '"') return json_string(options->of(text));
  std::string line;
  for (const auto& part : options->parts) {
    const auto word = json_string(part.of(text));
    if (!word) return std::nullopt;
    line += (&part == &options->parts.front() ? "" : " ") + *word;
  }
  return line;
}

bool kernelstub_settings_have(std::string_view text, std::string_view parameter) {
  const auto line = kernelstub_options(text);
  return line && has_parameter(*line, parameter);
}

std::optional<std::string> add_kernelstub_parameter(std::string_view text,
                                                    std::string_view parameter) {
  const auto options = options_of(text);
  if (!options) return std::nullopt;
  const auto word = quoted(parameter);
  std::string added;
  if (options->kind == '"') {
    const auto line = add_parameter(inside(options->of(text)), inside(word));
    if (!line) return std::nullopt;
    added = with(text, options->begin + 1, options->end - 1, *line);
  } else if (options->parts.empty()) {
    added = with(text, options->begin + 1, options->begin + 1, word);
  } else {
    const auto& last = options->parts.back();
    const auto between = "," + std::string(blanks_before(text, last.begin));
    added = with(text, last.end, last.end, between + word);
  }
  // Behind "--", for one, it is not the kernel's.
  if (!kernelstub_settings_have(added, parameter)) return std::nullopt;
  return added;
}

std::string remove_kernelstub_parameter(std::string_view text, std::string_view parameter) {
  const auto options = options_of(text);
  if (!options || !kernelstub_settings_have(text, parameter)) return std::string(text);
  if (options->kind == '"') return without_word(text, *options, parameter);
  const auto& parts = options->parts;
  for (auto i = parts.size(); i-- > 0;) {
    if (json_string(parts[i].of(text)) == parameter) return without_element(text, *options, i);
  }
  for (const auto& part : parts) {
    auto rest = without_word(text, part, parameter);
    if (rest != text) return rest;
  }
  return std::string(text);
}

std::optional<bool> kernelstub_flag(std::string_view text, std::string_view name) {
  const auto settings = settings_of(text);
  const auto* place = settings ? settings->find(name) : nullptr;
  if (place == nullptr) return std::nullopt;
  if (place->of(text) == "true") return true;
  return place->of(text) == "false" ? std::optional(false) : std::nullopt;
}

}  // namespace vfio_switch
