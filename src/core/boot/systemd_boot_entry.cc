// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/systemd_boot_entry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/base/text.h"
#include "core/boot/loader_lines.h"
#include "core/boot/loader_versions.h"

namespace vfio_switch {

namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// A path of an entry, which begins at the root of the partition that holds the entry.
BootFile file_on(const EntryPartition& partition, std::string_view value) {
  BootFile file;
  for (const char c : slashed("/" + std::string(value))) {
    if (c != '/' || !file.path.ends_with('/')) file.path += c;
  }
  file.at = partition.mount == "/" ? file.path : partition.mount + file.path;
  return file;
}

/// The lines of an entry that are for systemd-boot.
struct EntryLines {
  std::string kind;  ///< "linux", "uki" or "efi"; empty: it starts nothing
  std::string target;
  int line = 0;
  bool is_bad = false;  ///< for another machine, or with two targets
  std::string title;
  std::string sort_key;
  std::string version;
  std::string machine_id;
  std::optional<std::string> options;
  std::optional<unsigned> profile;
  std::vector<std::string> initrds;
};

struct EntryText {
  std::string_view key;
  std::string EntryLines::* value;
};

constexpr std::array<EntryText, 4> texts = {{
    {"title", &EntryLines::title},
    {"sort-key", &EntryLines::sort_key},
    {"version", &EntryLines::version},
    {"machine-id", &EntryLines::machine_id},
}};

std::optional<unsigned> number_of(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

EntryLines parse(std::string_view text, const std::string& architecture) {
  EntryLines entry;
  for (const auto& [key, value, line] : loader_lines(text, " \t")) {
    const auto* const named = std::ranges::find(texts, key, &EntryText::key);
    if (named != texts.end()) {
      entry.*named->value = value;
    } else if (key == "linux" || key == "uki" || key == "efi") {
      if (!entry.kind.empty() && entry.kind != key) entry.is_bad = true;
      entry.kind = key;
      entry.target = value;
      entry.line = line;
    } else if (key == "uki-url") {
      entry.is_bad = true;
    } else if (key == "architecture") {
      if (lower_case(value) != lower_case(architecture)) entry.is_bad = true;
    } else if (key == "profile") {
      if (const auto number = number_of(value)) entry.profile = number;
    } else if (key == "initrd") {
      entry.initrds.push_back(value);
    } else if (key == "options") {
      entry.options = entry.options ? *entry.options + " " + value : value;
    }
    if (entry.is_bad) break;
  }
  return entry;
}

/// Takes the image that an entry names for what it is.
void use_image(BootEntry& entry, const SystemdBootFiles& files, const EntryPartition& partition,
               const BootFile& target, const EntryLines& lines) {
  const auto file = files.image(target.at);
  if (file.why) {
    entry.unified_image = target;
    entry.unknown.push_back(*file.why);
    return;
  }
  const unsigned wanted = lines.profile.value_or(0);
  const auto profile = std::ranges::find(file.profiles, wanted, &UnifiedProfile::number);
  if (file.profiles.empty()) return;
  entry.unified_image = target;
  if (profile == file.profiles.end()) {
    entry.unknown.push_back({BootUnknownCode::missing, "profile " + std::to_string(wanted),
                             entry.source.file, entry.source.line});
    return;
  }
  if (file.profiles.size() > 1) entry.profile = wanted;
  entry.release = profile->release;
  auto line = unified_command_line(*profile, lines.options, {&partition.addons, &file.addons},
                                   files.variables.secure_boot.value_or(false));
  entry.command_line = std::move(line.line);
  entry.possible_words = std::move(line.possible_words);
}

}  // namespace

CountedName split_counter(std::string_view file_name, std::string_view suffix) {
  CountedName plain{std::string(file_name), std::nullopt};
  const auto plus = file_name.rfind('+');
  if (plus == std::string_view::npos || file_name.size() < suffix.size()) return plain;
  const auto* const end = file_name.data() + file_name.size() - suffix.size();
  const auto* at = file_name.data() + plus + 1;
  if (at > end) return plain;
  const auto take_number = [&](unsigned& number) {
    if (at == end || *at < '0' || *at > '9') return false;
    const auto [stop, error] = std::from_chars(at, end, number);
    at = stop;
    return error == std::errc();
  };
  unsigned left = 0;
  unsigned done = 0;
  if (!take_number(left)) return plain;
  if (at != end && *at == '-') {
    ++at;
    if (!take_number(done)) return plain;
  }
  if (at != end) return plain;
  return {std::string(file_name.substr(0, plus)) +
              std::string(file_name.substr(file_name.size() - suffix.size())),
          left};
}

UnifiedCommandLine unified_command_line(const UnifiedProfile& profile,
                                        const std::optional<std::string>& passed,
                                        const std::vector<const std::vector<UnifiedAddon>*>& addons,
                                        bool secure_boot) {
  UnifiedCommandLine result;
  const bool keeps_own = secure_boot && profile.command_line;
  result.line = passed && !passed->empty() && !keeps_own ? passed : profile.command_line;
  if (!result.line) result.line = std::string();
  for (const auto* group : addons) {
    for (const auto& addon : *group) {
      const bool other = addon.release && profile.release && addon.release != profile.release;
      if (other || !addon.command_line || addon.command_line->empty()) continue;
      if (secure_boot) {
        // Only the firmware's keys tell whether its signature counts.
        for (const auto word : split_words(*addon.command_line)) {
          result.possible_words.emplace_back(word);
        }
        continue;
      }
      if (!result.line->empty()) *result.line += ' ';
      *result.line += *addon.command_line;
    }
  }
  return result;
}

std::optional<SortableEntry> read_entry_file(const SystemdBootFiles& files,
                                             const EntryPartition& partition,
                                             const EntryFile& file) {
  const auto name = base_name(file.path);
  const auto lower = lower_case(name);
  if (name.starts_with('.') || !lower.ends_with(".conf") || lower.starts_with("auto-")) {
    return std::nullopt;
  }
  const auto counted = split_counter(name, ".conf");
  SortableEntry sortable;
  auto& entry = sortable.entry;
  entry.id = counted.name;
  entry.tries_left = counted.tries_left;
  entry.source = {file.path, 0};
  sortable.id = lower_case(entry.id);
  if (file.why) {
    sortable.is_unread = true;
    entry.title = entry.id;
    entry.unknown.push_back(*file.why);
    entry.kind = kind_of(entry);
    return sortable;
  }
  auto lines = parse(file.text, files.architecture);
  if (lines.is_bad || lines.kind.empty()) return std::nullopt;
  const auto target = file_on(partition, lines.target);
  const auto kind = files.kind(target.at);
  if (kind == SourceKind::absent || kind == SourceKind::directory) return std::nullopt;
  entry.source.line = lines.line;
  entry.title = lines.title.empty() ? entry.id : lines.title;
  if (!lines.machine_id.empty()) entry.machine_id = lines.machine_id;
  if (kind == SourceKind::unknown) {
    entry.unknown.push_back({BootUnknownCode::unreadable, target.at});
  }
  if (lines.kind == "linux") {
    entry.kernel = target;
    for (const auto& path : lines.initrds) entry.initrds.push_back(file_on(partition, path));
    entry.command_line = lines.options.value_or("");
  } else {
    use_image(entry, files, partition, target, lines);
  }
  sortable.sort_key = std::move(lines.sort_key);
  sortable.version = std::move(lines.version);
  sortable.machine_id = std::move(lines.machine_id);
  entry.kind = kind_of(entry);
  return sortable;
}

std::vector<SortableEntry> read_image_entries(const SystemdBootFiles& files,
                                              const EntryPartition& partition,
                                              const UnifiedFile& file) {
  std::vector<SortableEntry> found;
  const auto name = base_name(file.path);
  const auto lower = lower_case(name);
  if (name.starts_with('.') || !lower.ends_with(".efi") || lower.starts_with("auto-")) {
    return found;
  }
  const auto counted = split_counter(name, ".efi");
  SortableEntry base;
  base.id = lower_case(counted.name);
  base.entry.id = counted.name;
  base.entry.title = counted.name;
  base.entry.tries_left = counted.tries_left;
  base.entry.source = {file.path, 0};
  base.entry.unified_image = file_on(partition, "EFI/Linux/" + name);
  base.entry.unified_image->at = file.path;
  if (file.why) {
    base.is_unread = true;
    base.entry.unknown.push_back(*file.why);
    found.push_back(std::move(base));
    return found;
  }
  for (const auto& profile : file.profiles) {
    const auto os = profile.os_release ? name_of_unified(*profile.os_release) : std::nullopt;
    if (!os) continue;
    auto sortable = base;
    auto& entry = sortable.entry;
    entry.title = os->title;
    sortable.version = os->version;
    sortable.sort_key = os->sort_key;
    if (file.profiles.size() > 1) entry.profile = profile.number;
    const auto number = std::to_string(profile.number);
    if (profile.title) {
      entry.title += " (" + *profile.title + ")";
    } else if (profile.number > 0) {
      entry.title +=
          " (" + profile.id.value_or("Profile #" + std::to_string(profile.number + 1)) + ")";
    }
    if (profile.number > 0) entry.id += "@" + profile.id.value_or(number);
    entry.release = profile.release;
    auto line = unified_command_line(profile, std::nullopt, {&partition.addons, &file.addons},
                                     files.variables.secure_boot.value_or(false));
    entry.command_line = std::move(line.line);
    entry.possible_words = std::move(line.possible_words);
    entry.kind = kind_of(entry);
    found.push_back(std::move(sortable));
  }
  return found;
}

bool shows_before(const SortableEntry& left, const SortableEntry& right) {
  const auto is_bad = [](const SortableEntry& one) { return one.entry.tries_left == 0U; };
  if (is_bad(left) != is_bad(right)) return is_bad(right);
  if (left.sort_key.empty() != right.sort_key.empty()) return right.sort_key.empty();
  if (!left.sort_key.empty()) {
    if (left.sort_key != right.sort_key) return left.sort_key < right.sort_key;
    if (left.machine_id != right.machine_id) return left.machine_id < right.machine_id;
    const auto order = compare_systemd_versions(left.version, right.version);
    if (order != 0) return order > 0;
  }
  const auto order = compare_systemd_versions(left.id, right.id);
  if (order != 0) return order > 0;
  const auto a = left.entry.profile.value_or(0);
  const auto b = right.entry.profile.value_or(0);
  if (a != b) return a < b;
  const auto& x = left.entry.tries_left;
  const auto& y = right.entry.tries_left;
  if (x && y && x != y) return *x > *y;
  // To the loader both are one; any order will do, as long as it is one.
  return left.entry.source.file < right.entry.source.file;
}

}  // namespace vfio_switch
