// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/modprobe_conf.h"

#include <fnmatch.h>  // libkmod matches by it; it opens nothing

#include <algorithm>
#include <iterator>
#include <set>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// libkmod separates words by blanks and tabs alone: the carriage return of a file with DOS line
/// ends is part of the last word, and the line has no effect.
std::string_view trim_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

constexpr std::string_view spaces = " \t\n\v\f\r";  // what isspace() calls so

/// True where libkmod takes the space in front of the first word for a part of it.
bool spoils_first_word(std::string_view arguments) {
  return arguments.size() > 1 && spaces.contains(arguments[0]) && !spaces.contains(arguments[1]);
}

/// What follows the blank behind a softdep's subject, without the blanks that make no difference.
std::string_view softdep_arguments(std::string_view rest) {
  rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
  const auto blanks = rest.find_last_not_of(" \t") + 1;
  rest = rest.substr(0, blanks);
  if (!spoils_first_word(rest)) {
    rest.remove_prefix(std::min(rest.find_first_not_of(spaces), rest.size()));
  }
  return rest;
}

/// A wildcard with underscores; a dash in brackets is a range, and stays.
std::string module_pattern(std::string_view spelled) {
  std::string pattern;
  bool in_brackets = false;
  for (const char c : spelled) {
    if (c == '[') in_brackets = true;
    if (c == ']') in_brackets = false;
    pattern += c == '-' && !in_brackets ? '_' : c;
  }
  return pattern;
}

/// True if every bracket of a wildcard has its partner: libkmod's underscores() rejects others.
bool has_paired_brackets(std::string_view spelled) {
  while (true) {
    const auto bracket = spelled.find_first_of("[]");
    if (bracket == std::string_view::npos) return true;
    const auto end = spelled.find(']', bracket);
    if (end == bracket || end == std::string_view::npos) return false;
    spelled.remove_prefix(end + 1);
  }
}

/// False for what is an error to libkmod, which then skips the line. `rest` is all that follows the
/// subject: blanks will do where something is needed, but not a single one. `softdep nvidia` with
/// two behind it is a softdep that asks for nothing.
bool is_accepted(const ModprobeDirective& directive, std::string_view rest) {
  if (directive.subject.empty() || !has_paired_brackets(directive.subject)) return false;
  if (directive.command == "blacklist") return true;
  if (directive.command != "alias") return rest.size() >= 2;
  const std::string_view target = directive.arguments;
  return !target.empty() && has_paired_brackets(target.substr(0, target.find_first_of(" \t")));
}

/// What libkmod before kmod 34 reads behind a backslash that ends a file: EOF, taken for a
/// character.
constexpr char end_of_file = '\xff';

/// True where the last backslash of a file stands for itself alone, and not behind another.
bool ends_with_backslash(std::string_view content) {
  return (content.size() - 1 - content.find_last_not_of('\\')) % 2 == 1;
}

/// A line as libkmod's freadline_wrapped() joins it: a backslash takes the line end behind it away,
/// and before anything else only itself. `text` moves past it.
struct JoinedLine {
  std::string text;
  int lines = 0;
};

JoinedLine take_joined_line(std::string_view& text, const ModprobeRules& rules) {
  JoinedLine joined{{}, 1};
  const auto line = text.substr(0, text.find('\n'));
  if (!line.contains('\\')) {
    joined.text = line;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return joined;
  }
  std::size_t i = 0;
  for (; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '\\') {
      if (++i == text.size()) {
        if (rules.takes_end_for_character()) joined.text += end_of_file;
        break;
      }
      if (text[i] == '\n') {
        ++joined.lines;
        continue;
      }
    }
    joined.text += text[i];
  }
  text.remove_prefix(std::min(i + 1, text.size()));
  return joined;
}

}  // namespace

std::string module_name(std::string_view spelled) {
  std::string name(spelled);
  std::ranges::replace(name, '-', '_');
  return name;
}

std::string ModprobeDirective::str() const {
  return command + " " + subject + (arguments.empty() ? "" : " ") + arguments;
}

bool ModprobeDirective::is_about(std::string_view module) const {
  return fnmatch(module_pattern(subject).c_str(), module_name(module).c_str(), 0) == 0;
}

bool ModprobeDirective::names(std::string_view module) const {
  return module_name(subject) == module_name(module);
}

std::vector<ModprobeDirective> parse_modprobe(const ModprobeFile& file) {
  std::vector<ModprobeDirective> directives;
  std::string_view text = file.content;
  for (int number = 1; !text.empty();) {
    const int first = number;
    const auto [joined, lines] = take_joined_line(text, file.rules);
    number += lines;
    // To libkmod a NUL ends the line.
    const auto line = std::string_view(joined).substr(0, joined.find('\0'));
    if (line.starts_with('#')) continue;
    std::string_view rest = line;
    const auto take_word = [&rest] {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
      const auto word = rest.substr(0, rest.find_first_of(" \t"));
      rest.remove_prefix(word.size());
      return std::string(word);
    };
    ModprobeDirective directive;
    directive.command = take_word();
    directive.subject = take_word();
    directive.arguments =
        directive.command == "softdep" ? softdep_arguments(rest) : trim_blanks(rest);
    if (!is_accepted(directive, rest)) continue;
    directive.file = file.path;
    directive.line = first;
    directives.push_back(std::move(directive));
  }
  return directives;
}

std::vector<ModprobeDirective> parse_modprobe(const std::vector<ModprobeFile>& files) {
  std::vector<ModprobeDirective> directives;
  for (const auto& file : files) {
    auto lines = parse_modprobe(file);
    std::ranges::move(lines, std::back_inserter(directives));
  }
  return directives;
}

std::string Softdep::str() const {
  std::string text;
  if (!pre.empty()) text = "pre: " + join(pre, " ");
  if (!post.empty()) text += (text.empty() ? "post: " : " post: ") + join(post, " ");
  return text;
}

Softdep parse_softdep(std::string_view arguments) {
  Softdep softdep;
  std::vector<std::string>* list = nullptr;
  if (spoils_first_word(arguments)) {
    arguments.remove_prefix(std::min(arguments.find_first_of(spaces, 1), arguments.size()));
  }
  for (const auto word : split_words(arguments, " \t\n\v\f\r,")) {
    if (word == "pre:") {
      list = &softdep.pre;
    } else if (word == "post:") {
      list = &softdep.post;
    } else if (list != nullptr) {
      list->emplace_back(word);
    }
  }
  return softdep;
}

const ModprobeDirective* effective_softdep(const std::vector<ModprobeDirective>& directives,
                                           std::string_view module) {
  const auto found = std::ranges::find_if(directives, [&](const ModprobeDirective& directive) {
    return directive.command == "softdep" && directive.is_about(module);
  });
  return found == directives.end() ? nullptr : &*found;
}

std::string joined_modprobe(const std::vector<ModprobeFile>& files) {
  std::string text;
  for (const auto& file : files) {
    text += file.content;
    if (ends_with_backslash(file.content)) {
      if (file.rules.takes_end_for_character()) {
        text += end_of_file;
      } else {
        text.pop_back();
      }
    }
    text += '\n';
  }
  return text;
}

std::vector<ModprobeFile> effective_modprobe(std::vector<ModprobeFile> files) {
  std::set<std::string, std::less<>> seen;
  std::erase_if(files, [&](const ModprobeFile& file) {
    if (file.path.ends_with(".alias") && !file.rules.reads_alias_files()) return true;
    return !seen.insert(std::string(base_name(file.path))).second;
  });
  std::ranges::sort(files, {}, [](const ModprobeFile& file) { return base_name(file.path); });
  return files;
}

const ModprobeFile* read_by_unknown_rules(const std::vector<ModprobeFile>& files) {
  const auto found = std::ranges::find_if(files, [](const ModprobeFile& file) {
    return !file.rules.release &&
           (file.path.ends_with(".alias") || ends_with_backslash(file.content));
  });
  return found == files.end() ? nullptr : &*found;
}

std::vector<std::vector<ModprobeFile>> possible_readings(const std::vector<ModprobeFile>& files) {
  if (read_by_unknown_rules(files) == nullptr) return {files};
  std::vector<std::vector<ModprobeFile>> readings;
  std::vector<std::vector<ModprobeDirective>> meanings;
  for (const int release : ModprobeRules::releases) {
    auto reading = files;
    for (auto& file : reading) file.rules.release = file.rules.release.value_or(release);
    auto meaning = parse_modprobe(effective_modprobe(reading));
    if (std::ranges::find(meanings, meaning) != meanings.end()) continue;
    meanings.push_back(std::move(meaning));
    readings.push_back(std::move(reading));
  }
  return readings;
}

std::vector<ModprobeFile> with_file(std::vector<ModprobeFile> files, const std::string& path,
                                    const std::optional<std::string>& content) {
  std::erase_if(files, [&](const ModprobeFile& file) { return file.path == path; });
  if (content) files.insert(files.begin(), {path, *content});
  return files;
}

Remedy without_line(const Place& place, std::string line) {
  Remedy remedy;
  auto edited = place;
  constexpr std::string_view directory = "/etc/modprobe.d/";
  if (!place.path.starts_with("/etc/")) {
    edited.path = std::string(directory) + place.path.substr(place.path.rfind('/') + 1);
    remedy.emplace_back(Run{{{"cp", place.path, edited.path}}, true});
  }
  remedy.emplace_back(Edit{edited, std::move(line), {}});
  return remedy;
}

}  // namespace vfio_switch
