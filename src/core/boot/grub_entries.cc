// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_entries.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/loader_versions.h"

namespace vfio_switch {

namespace {

constexpr std::string_view suffix = ".conf";

/// "name", "version" and "release"; the last two are empty where there are fewer dashes.
std::array<std::string_view, 3> split_name(std::string_view name) {
  const auto last = name.rfind('-');
  if (last == std::string_view::npos) return {name, {}, {}};
  const auto release = name.substr(last + 1);
  name = name.substr(0, last);
  const auto middle = name.rfind('-');
  if (middle == std::string_view::npos) return {name, release, {}};
  return {name.substr(0, middle), name.substr(middle + 1), release};
}

/// The directory of a path, with its slash.
std::string directory_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/') + 1));
}

/// What GRUB makes of an entry: a script.
std::string body_of(const GrubEntryFile& entry, const std::string& options,
                    const std::vector<std::string>& early) {
  auto text = "linux ($root)" + entry.linux + (options.empty() ? "" : " " + options) + "\n";
  if (early.empty() && entry.initrds.empty()) return text;
  const auto directory = directory_of(entry.initrds.empty() ? entry.linux : entry.initrds.front());
  text += "initrd";
  for (const auto& name : early) text += " ($root)" + directory + name;
  for (const auto& path : entry.initrds) text += " ($root)" + path;
  return text + "\n";
}

SourceNames list_entries(const GrubEntriesRequest& request, std::string& directory) {
  auto root = request.state.value_of("root");
  if (request.argument.starts_with('(')) {
    directory = request.argument;
    return request.sources.list(grub_file(directory, request.state));
  }
  const auto named = request.state.value_of("blsdir").only();
  directory = named && !named->empty() ? *named : "/loader/entries";
  auto names = request.sources.list(grub_file(directory, request.state));
  if (names.state != SourceText::State::absent) return names;
  directory = "/boot/loader/entries";
  return request.sources.list(grub_file(directory, request.state));
}

/// A line of an entry file as GRUB looks at it.
std::string entry_line(std::string_view raw) {
  std::string line(raw);
  std::erase(line, '\r');
  return line.erase(0, line.find_first_not_of(" \t"));
}

struct Field {
  std::string key;
  std::string value;
};

/// Nothing for a line without a value, which ends the file.
std::optional<Field> field_of(const std::string& line) {
  auto separator = line.find(' ');
  if (separator == std::string::npos) separator = line.find('\t');
  if (separator == std::string::npos || separator + 1 == line.size()) return std::nullopt;
  const auto begin = line.find_first_not_of(" \t", separator);
  return Field{line.substr(0, separator),
               begin == std::string::npos ? std::string() : line.substr(begin)};
}

bool is_of_name(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// What GRUB writes for a variable: its value with a blank behind it.
std::string option_value(std::string_view name, const GrubState& state,
                         std::vector<std::string>& open) {
  const auto value = state.value_of(name).only();
  if (!value) open.emplace_back(name);
  return value && state.variables.contains(name) ? *value + " " : std::string();
}

}  // namespace

std::optional<GrubEntryFile> parse_grub_entry(std::string_view file_name, std::string_view text) {
  GrubEntryFile entry;
  entry.name = file_name.substr(0, file_name.size() - suffix.size());
  bool has_kernel = false;
  bool has_title = false;
  int number = 0;
  for (const auto raw : split_lines(text)) {
    ++number;
    const auto line = entry_line(raw);
    if (line.starts_with('#')) continue;
    auto field = field_of(line);
    if (!field) break;
    auto& [key, value] = *field;
    if (key == "linux" && !has_kernel) {
      has_kernel = true;
      entry.linux = std::move(value);
      entry.line = number;
    } else if (key == "title" && !has_title) {
      has_title = true;
      entry.title = std::move(value);
    } else if (key == "options" && !entry.options) {
      entry.options = std::move(value);
    } else if (key == "initrd") {
      entry.initrds.push_back(std::move(value));
    } else if (key == "machine-id") {
      entry.machine_id = std::move(value);
    }
  }
  if (!has_kernel) return std::nullopt;
  if (!has_title) entry.title = entry.linux;
  return entry;
}

int compare_grub_entries(std::string_view left, std::string_view right) {
  const auto a = split_name(left);
  const auto b = split_name(right);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (const auto order = compare_rpm_versions(a[i], b[i]); order != 0) return order;
  }
  return 0;
}

std::string expand_grub_options(std::string_view options, const GrubState& state,
                                std::vector<std::string>& open) {
  std::string expanded;
  std::size_t start = 0;
  std::size_t end = 0;
  bool is_variable = false;
  const auto append = [&] {
    const auto field = options.substr(start, end - start + 1);
    expanded += is_variable ? option_value(field, state, open) : std::string(field);
  };
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (options[i] == '$' && options[end] != '\\') {
      if (start != end) append();
      is_variable = true;
      start = i + 1;
    } else if (is_variable && !is_of_name(options[i])) {
      if (end + 1 > start) append();
      is_variable = false;
      start = i;
      if (options[start] == ' ') ++start;
    }
    end = i;
  }
  if (start < end) append();
  return expanded;
}

GrubTruth read_grub_entries(const GrubEntriesRequest& request,
                            const std::function<void(GrubItem, GrubScript)>& add,
                            const std::function<void(BootUnknown)>& miss) {
  constexpr std::size_t most_files = 1024;
  const auto& state = request.state;
  std::string directory;
  auto listed = list_entries(request, directory);
  if (listed.state == SourceText::State::unknown) {
    miss(listed.why);
    return GrubTruth::unknown;
  }
  if (!request.argument.empty() && !request.argument.starts_with('(')) {
    miss({BootUnknownCode::command, "blscfg " + request.argument});
  }
  std::erase_if(listed.names, [](const std::string& name) {
    return name.starts_with('.') || name.size() <= suffix.size() || !name.ends_with(suffix);
  });
  if (listed.names.size() > most_files) {
    miss({BootUnknownCode::limit, directory});
    listed.names.resize(most_files);
  }
  const auto newer = [](const std::string& one, const std::string& other) {
    const auto stem = [](const std::string& name) {
      return std::string_view(name).substr(0, name.size() - suffix.size());
    };
    return compare_grub_entries(stem(one), stem(other)) > 0;
  };
  std::ranges::sort(listed.names, [&](const std::string& left, const std::string& right) {
    return newer(left, right) || (!newer(right, left) && left < right);
  });
  // Of names that compare equal GRUB keeps the one that it reads first, and that order is the file
  // system's.
  const auto same = [&](const std::string& left, const std::string& right) {
    return !newer(left, right) && !newer(right, left);
  };
  for (auto twin = std::ranges::adjacent_find(listed.names, same); twin != listed.names.end();
       twin = std::ranges::adjacent_find(listed.names, same)) {
    miss({BootUnknownCode::malformed, *twin});
    listed.names.erase(twin + 1);
  }
  const auto default_options = state.value_of("default_kernelopts");
  const auto early_values = state.value_of("early_initrd").only().value_or(std::string());
  std::vector<std::string> early;
  for (const auto word : split_words(early_values, " ")) early.emplace_back(word);
  for (const auto& name : listed.names) {
    const auto file = grub_file(directory + "/" + name, state);
    const auto text = request.sources.read(file);
    GrubItem item;
    item.id = name.substr(0, name.size() - suffix.size());
    if (text.state == SourceText::State::unknown) {
      item.title = item.id;
      item.source = {text.why.subject, 0};
      item.unknown.push_back(text.why);
      add(std::move(item), {});
      continue;
    }
    const auto entry = parse_grub_entry(name, text.text);
    if (!entry) continue;
    std::vector<std::string> open;
    auto options = entry->options;
    if (!options) options = default_options.only();
    const auto expanded = expand_grub_options(options.value_or(""), state, open);
    item.title = entry->title;
    item.source = {text.path, entry->line};
    item.machine_id = entry->machine_id;
    if (!entry->options && !default_options.only()) open.emplace_back("default_kernelopts");
    for (const auto& variable : open) {
      item.unknown.push_back({BootUnknownCode::variable, variable, text.path, 0});
    }
    auto parse = parse_grub_script(body_of(*entry, expanded, early));
    if (!parse.bad_lines.empty()) {
      item.unknown.push_back({BootUnknownCode::malformed, *options, text.path, 0});
    }
    add(std::move(item), std::move(parse.script));
  }
  return GrubTruth::yes;
}

}  // namespace vfio_switch
