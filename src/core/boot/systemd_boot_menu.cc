// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/systemd_boot_menu.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/loader_lines.h"
#include "core/boot/loader_versions.h"
#include "core/boot/systemd_boot_entry.h"

namespace vfio_switch {

namespace {

constexpr std::size_t most_entries = 4096;

struct Settings {
  std::optional<std::string> default_pattern;
  std::optional<std::string> preferred;
  std::optional<std::string> timeout;
  MenuEditor editor = MenuEditor::open;
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

Settings read_settings(std::string_view text) {
  Settings settings;
  for (const auto& [key, value, line] : loader_lines(text, " \t")) {
    if (key == "timeout") settings.timeout = value;
    if (key == "preferred") settings.preferred = lower_case(value);
    if (key == "default") {
      const auto pattern = lower_case(value);
      if (!value.starts_with('@') || pattern == "@saved") settings.default_pattern = pattern;
    }
    if (key == "editor") {
      if (is_one_of(value, {"1", "yes", "y", "true", "t", "on"})) {
        settings.editor = MenuEditor::open;
      }
      if (is_one_of(value, {"0", "no", "n", "false", "f", "off"})) {
        settings.editor = MenuEditor::locked;
      }
    }
  }
  return settings;
}

void set_timeout(BootMenu& menu, const std::string& value) {
  if (value == "menu-force") {
    menu.style = MenuStyle::shown;
    menu.timeout.reset();
    return;
  }
  if (value == "menu-disabled" || value == "menu-hidden") {
    menu.style = value == "menu-hidden" ? MenuStyle::hidden : MenuStyle::disabled;
    menu.timeout = 0;
    return;
  }
  int seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || end != value.data() + value.size() || seconds < 0) return;
  menu.timeout = seconds;
  menu.style = seconds == 0 ? MenuStyle::hidden : MenuStyle::shown;
}

/// Finds the entry that starts by itself.
class Selection {
 public:
  Selection(const SystemdBootFiles& files, const Settings& settings, BootMenu& menu,
            const std::vector<SortableEntry>& entries)
      : files_(files), settings_(settings), menu_(menu), entries_(entries) {}

  void run() {
    const auto& variables = files_.variables;
    if (variables.entry_once) {
      const auto found = find(lower_case(*variables.entry_once), false);
      if (found.index) mark_once(menu_, *found.index);
      menu_.why_no_once = found.why;
    }
    if (!files_.unknown.empty()) {
      menu_.why_no_default = files_.unknown.front();
      return;
    }
    const auto saved =
        variables.entry_last ? std::optional(lower_case(*variables.entry_last)) : std::nullopt;
    const auto resolved = [&](const std::optional<std::string>& pattern) {
      return pattern == "@saved" ? saved : pattern;
    };
    const auto lower = [](const std::optional<std::string>& text) {
      return text ? std::optional(lower_case(*text)) : std::nullopt;
    };
    if (try_pattern(lower(variables.entry_preferred), true) ||
        try_pattern(settings_.preferred, true) ||
        try_pattern(resolved(lower(variables.entry_default)), false) ||
        try_pattern(resolved(settings_.default_pattern), false)) {
      return;
    }
    first();
  }

 private:
  struct Found {
    std::optional<std::size_t> index;
    std::optional<BootUnknown> why;
  };

  static bool matches(const std::string& pattern, const SortableEntry& sortable) {
    const auto id = lower_case(sortable.entry.id);
    // The interface of boot loaders says ids without suffix, systemd-boot means them with it, and
    // before v257 with the boot counter as well.
    return matches_entry_pattern(pattern, id) || pattern + ".conf" == id ||
           pattern + ".efi" == id || matches_entry_pattern(pattern, with_counter(sortable));
  }

  static std::string with_counter(const SortableEntry& sortable) {
    const auto& path = sortable.entry.source.file;
    return lower_case(path.substr(path.rfind('/') + 1));
  }

  [[nodiscard]] Found find(const std::string& pattern, bool skips_bad) const {
    // Of what could not be read the place in the menu is not known: two that match are one too
    // many.
    Found found;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (skips_bad && entries_[i].entry.tries_left == 0U) continue;
      if (!matches(pattern, entries_[i])) continue;
      if (!found.index) {
        found.index = i;
        if (!entries_[i].is_unread) continue;
      }
      if (entries_[i].is_unread && found.index != i) {
        return {std::nullopt, entries_[i].entry.unknown.front()};
      }
    }
    if (found.index || !pattern.starts_with("auto-")) return found;
    // What the loader finds by itself (Windows, the firmware's own entry) only it can list.
    for (std::size_t i = entries_.size(); i < menu_.entries.size(); ++i) {
      if (matches_entry_pattern(pattern, lower_case(menu_.entries[i].id))) return {i, std::nullopt};
    }
    if (files_.variables.entries.empty()) {
      found.why = BootUnknown{BootUnknownCode::missing, pattern};
    }
    return found;
  }

  /// True if that decides the default.
  bool try_pattern(const std::optional<std::string>& pattern, bool skips_bad) {
    if (!pattern) return false;
    const auto found = find(*pattern, skips_bad);
    if (found.index) mark_default(menu_, *found.index);
    menu_.why_no_default = found.why;
    return found.index || found.why;
  }

  void first() {
    for (const auto& sortable : entries_) {
      if (!sortable.is_unread) continue;
      menu_.why_no_default = sortable.entry.unknown.front();
      return;
    }
    if (entries_.empty()) {
      menu_.why_no_default = BootUnknown{BootUnknownCode::missing};
      return;
    }
    mark_default(menu_, 0);
  }

  const SystemdBootFiles& files_;
  const Settings& settings_;
  BootMenu& menu_;
  const std::vector<SortableEntry>& entries_;
};

}  // namespace

BootMenu read_systemd_boot_menu(const SystemdBootFiles& files) {
  BootMenu menu;
  menu.loader = LoaderKind::systemd_boot;
  menu.notes = files.unknown;
  std::vector<SortableEntry> entries;
  for (const auto& partition : files.partitions) {
    for (const auto& image : partition.images) {
      for (auto& entry : read_image_entries(files, partition, image)) {
        entries.push_back(std::move(entry));
      }
    }
    for (const auto& file : partition.entries) {
      if (auto entry = read_entry_file(files, partition, file))
        entries.push_back(std::move(*entry));
    }
  }
  if (entries.size() > most_entries) {
    menu.notes.push_back({BootUnknownCode::limit, "the menu"});
    entries.resize(most_entries);
  }
  std::ranges::sort(entries, shows_before);
  for (const auto& sortable : entries) menu.entries.push_back(sortable.entry);
  for (const auto& id : files.variables.entries) {
    if (!id.starts_with("auto-")) continue;
    BootEntry entry;
    entry.id = id;
    entry.title = id;
    entry.kind = EntryKind::foreign;
    menu.entries.push_back(std::move(entry));
  }

  auto settings = files.settings ? read_settings(files.settings->text) : Settings();
  menu.editor = settings.editor;
  menu.style = MenuStyle::hidden;
  menu.timeout = 0;
  if (settings.timeout) set_timeout(menu, *settings.timeout);
  if (files.variables.timeout) set_timeout(menu, *files.variables.timeout);
  Selection(files, settings, menu, entries).run();
  if (files.settings && files.settings->why && !menu.once_entry) {
    if (menu.default_entry) menu.entries[*menu.default_entry].is_default = false;
    menu.default_entry.reset();
    menu.why_no_default = files.settings->why;
  }
  return menu;
}

}  // namespace vfio_switch
