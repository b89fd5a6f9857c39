// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/entry_generators.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/parameter_file.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

const std::string kernel_command_line = "/etc/kernel/cmdline";
const std::string limine_defaults = "/etc/default/limine";
const std::string limine_drop_in = "/etc/limine-entry-tool.d/zz-vfio-switch.conf";

constexpr std::string_view separators = " \t\r\"'";

bool line_has(std::string_view line, std::string_view parameter) {
  if (trim(line).starts_with('#')) return false;
  auto text = line;
  // KERNEL_CMDLINE[default]="quiet splash": the first word stands behind a quote.
  if (const auto quote = line.find('"'); quote != std::string_view::npos) {
    text = line.substr(quote);
  }
  const auto words = split_words(text, separators);
  return std::ranges::find(words, parameter) != words.end();
}

/// `line` without the word `parameter` and the blanks before it.
std::string without_word(std::string_view line, std::string_view parameter) {
  std::string rest(line);
  for (std::size_t at = rest.find(parameter); at != std::string::npos;
       at = rest.find(parameter, at + 1)) {
    const auto end = at + parameter.size();
    const auto is_end = [&](std::size_t i) {
      return i >= rest.size() || separators.contains(rest[i]);
    };
    if ((at > 0 && !separators.contains(rest[at - 1])) || !is_end(end)) continue;
    auto begin = at;
    auto after = end;
    while (begin > 0 && (rest[begin - 1] == ' ' || rest[begin - 1] == '\t')) --begin;
    if (begin == at && after < rest.size() && rest[after] == ' ') ++after;
    return rest.erase(begin, after - begin);
  }
  return rest;
}

/// `line`, an assignment or a command line, with `parameters` at its end.
std::string with_words(std::string_view line, const Parameters& parameters) {
  std::string changed(trim(line));
  const auto words = join(parameters, " ");
  const bool quoted = !changed.empty() && (changed.back() == '"' || changed.back() == '\'');
  if (quoted) return changed.insert(changed.size() - 1, " " + words);
  return changed.empty() ? words : changed + " " + words;
}

/// `KERNEL_CMDLINE[default]=...`, which drops what every file before it said.
bool replaces_all(std::string_view line) {
  const auto text = trim(line);
  return text.starts_with("KERNEL_CMDLINE[default]=");
}

/// A line of a file, from 1.
struct Line {
  Place place;
  std::string text;
};

template <class Fits>
std::optional<Line> last_line(const ParameterFile& file, Fits fits) {
  const auto* content = content_of(file);
  if (content == nullptr) return std::nullopt;
  std::optional<Line> found;
  int number = 0;
  for (const auto line : split_lines(*content)) {
    ++number;
    if (fits(line)) found = Line{{file.path, number}, std::string(trim(line))};
  }
  return found;
}

const ParameterFile* file_at(const EntryGenerator& generator, std::string_view path) {
  const auto found = std::ranges::find(generator.settings, path, &ParameterFile::path);
  return found == generator.settings.end() ? nullptr : &*found;
}

/// Where limine-entry-tool or proxmox-boot-tool read words that are to be added.
Edit addition(const EntryGenerator& generator, const Parameters& add) {
  if (const auto* file = file_at(generator, kernel_command_line)) {
    const auto says = [](std::string_view line) { return !trim(line).empty(); };
    const auto line = last_line(*file, says);
    if (!line) return {{file->path, 0}, {}, join(add, " ")};
    return {line->place, line->text, with_words(line->text, add)};
  }
  if (const auto* file = file_at(generator, limine_defaults)) {
    if (const auto line = last_line(*file, replaces_all)) {
      return {line->place, line->text, with_words(line->text, add)};
    }
  }
  return {{limine_drop_in, 0}, {}, "KERNEL_CMDLINE[default]+=\" " + join(add, " ") + "\""};
}

/// True where words can be added without hiding what the tool goes by otherwise.
bool can_add(const EntryGenerator& generator) {
  return std::ranges::any_of(generator.settings, [](const ParameterFile& file) {
    const auto* content = content_of(file);
    return file.path == kernel_command_line ||
           (content != nullptr && content->find("KERNEL_CMDLINE") != std::string::npos);
  });
}

}  // namespace

Obstacle obstacle(const EntryGenerator& generator, const Parameters& add, const Parameters& drop) {
  const auto& first = generator.settings.empty() ? limine_defaults : generator.settings.back().path;
  Obstacle found{
      {ReasonCause::loader_by_hand,
       {{"loader", Word{std::string(name_of(BootLoader(generator)))}}, {"file", Place{first}}}}};
  if (!add.empty() && !can_add(generator)) {
    found.remedy.emplace_back(
        Manual{ByHand::add_to_boot_loader, {{"parameters", parameters_of(add)}}});
    return found;
  }
  for (const auto& file : generator.settings) {
    for (const auto& parameter : drop) {
      const auto line =
          last_line(file, [&](std::string_view text) { return line_has(text, parameter); });
      if (line) {
        found.remedy.emplace_back(
            Edit{line->place, line->text, without_word(line->text, parameter)});
      }
    }
  }
  if (!add.empty()) found.remedy.emplace_back(addition(generator, add));
  if (!generator.command.empty()) found.remedy.emplace_back(Run{{generator.command}, true});
  return found;
}

bool generator_has(std::string_view settings, std::string_view parameter) {
  return std::ranges::any_of(split_lines(settings),
                             [&](std::string_view line) { return line_has(line, parameter); });
}

}  // namespace vfio_switch
