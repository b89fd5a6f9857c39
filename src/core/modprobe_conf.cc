// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modprobe_conf.h"

#include <fnmatch.h>  // libkmod matches by it; it opens nothing

#include <algorithm>
#include <iterator>

#include "core/text.h"

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

}  // namespace

std::string module_name(std::string_view spelled) {
  std::string name(spelled);
  std::ranges::replace(name, '-', '_');
  return name;
}

bool ModprobeDirective::is_about(std::string_view module) const {
  return fnmatch(module_name(subject).c_str(), module_name(module).c_str(), 0) == 0;
}

std::vector<ModprobeDirective> parse_modprobe(const ModprobeFile& file) {
  std::vector<ModprobeDirective> directives;
  const auto lines = split_lines(file.content);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto first = static_cast<int>(i) + 1;
    std::string line(lines[i]);
    while (line.ends_with('\\')) {
      line.pop_back();
      if (i + 1 == lines.size()) break;
      line += lines[++i];
    }
    if (line.starts_with('#')) continue;
    std::string_view rest = trim_blanks(line);
    const auto take_word = [&rest] {
      const auto word = rest.substr(0, rest.find_first_of(" \t"));
      rest = trim_blanks(rest.substr(word.size()));
      return std::string(word);
    };
    ModprobeDirective directive;
    directive.command = take_word();
    directive.subject = take_word();
    if (directive.subject.empty()) continue;
    directive.arguments = rest;
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
  for (const auto word : split_words(arguments, " \t,")) {
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

std::vector<ModprobeFile> effective_modprobe(std::vector<ModprobeFile> files) {
  const auto by_base_name = [](const ModprobeFile& file) { return base_name(file.path); };
  std::ranges::stable_sort(files, {}, by_base_name);
  const auto hidden = std::ranges::unique(files, {}, by_base_name);
  files.erase(hidden.begin(), hidden.end());
  return files;
}

std::vector<ModprobeFile> with_file(std::vector<ModprobeFile> files, const std::string& path,
                                    const std::optional<std::string>& content) {
  std::erase_if(files, [&](const ModprobeFile& file) { return file.path == path; });
  if (content) files.insert(files.begin(), {path, *content});
  return files;
}

std::optional<std::string> effective_vfio_ids(const std::vector<ModprobeDirective>& directives) {
  std::optional<std::string> ids;
  for (const auto& directive : directives) {
    if (directive.command != "options" || !directive.is_about("vfio_pci")) continue;
    for (const auto word : split_words(directive.arguments)) {
      if (word.starts_with("ids=")) ids = std::string(word.substr(4));
    }
  }
  return ids;
}

}  // namespace vfio_switch
