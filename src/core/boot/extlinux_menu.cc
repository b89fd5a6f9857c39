// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/extlinux_menu.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// "/boot/syslinux" and "../vmlinuz" as "/boot/vmlinuz".
std::string joined(std::string_view directory, std::string_view path) {
  std::vector<std::string_view> parts;
  for (const auto text : {directory, path}) {
    for (const auto part : split_words(text, "/")) {
      if (part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (!parts.empty()) {
        parts.pop_back();
      }
    }
  }
  std::string whole;
  for (const auto part : parts) whole += "/" + std::string(part);
  return whole;
}

class Reader {
 public:
  Reader(const std::string& path, BootMenu& menu) : path_(path), menu_(menu) {}

  void run(std::string_view text) {
    int number = 0;
    for (const auto raw : split_lines(text)) {
      ++number;
      const auto line = trim(raw);
      if (line.empty() || line.front() == '#') continue;
      const auto end = std::min(line.find_first_of(" \t"), line.size());
      read(lower_case(line.substr(0, end)), trim(line.substr(end)), number);
    }
    for (auto& entry : menu_.entries) finish(entry);
    select();
  }

 private:
  void read(const std::string& key, std::string_view value, int number) {
    constexpr std::size_t most_entries = 4096;
    if (key == "label") {
      if (menu_.entries.size() >= most_entries) return;
      BootEntry entry;
      entry.id = std::string(value);
      entry.title = entry.id;
      entry.source = {path_, number};
      menu_.entries.push_back(std::move(entry));
    } else if (key == "default") {
      default_ = std::string(value);
    } else if (key == "timeout") {
      int tenths = 0;
      std::from_chars(value.data(), value.data() + value.size(), tenths);
      timeout_ = tenths;
    } else if (key == "prompt" || key == "ui") {
      shows_ = shows_ || value != "0";
    } else if (key == "include") {
      menu_.notes.push_back(
          {BootUnknownCode::command, "include " + std::string(value), path_, number});
    } else if (!menu_.entries.empty()) {
      read_entry(menu_.entries.back(), key, value);
    }
  }

  void read_entry(BootEntry& entry, const std::string& key, std::string_view value) {
    if (key == "linux" || key == "kernel") {
      entry.kernel = file(value);
    } else if (key == "initrd") {
      entry.initrds.clear();
      for (const auto one : split_words(value, ",")) entry.initrds.push_back(file(one));
    } else if (key == "append") {
      entry.command_line = std::string(value);
    } else if (key == "menu") {
      const auto end = std::min(value.find_first_of(" \t"), value.size());
      const auto what = lower_case(value.substr(0, end));
      if (what == "label") entry.title = std::string(trim(value.substr(end)));
      if (what == "default" && !default_) default_ = entry.id;
    } else if (key == "fit") {
      entry.unknown.push_back({BootUnknownCode::command, key, path_, entry.source.line});
    }
  }

  [[nodiscard]] BootFile file(std::string_view path) const {
    if (path.starts_with('/')) return {{}, joined("/", path)};
    return {{FileSystemBy::inside_root, {}}, joined(path_.substr(0, path_.rfind('/')), path)};
  }

  /// `initrd=` among the options is the loader's.
  void finish(BootEntry& entry) const {
    constexpr std::string_view initrd = "initrd=";
    if (entry.kernel && !entry.command_line) entry.command_line = std::string();
    if (entry.command_line) {
      std::string rest;
      for (const auto word : split_words(*entry.command_line)) {
        if (word.starts_with(initrd) && entry.initrds.empty()) {
          for (const auto one : split_words(word.substr(initrd.size()), ",")) {
            entry.initrds.push_back(file(one));
          }
        } else if (!word.starts_with(initrd)) {
          rest += (rest.empty() ? "" : " ") + std::string(word);
        }
      }
      entry.command_line = std::move(rest);
    }
    entry.kind = kind_of(entry);
  }

  void select() {
    // Nothing waits for a key without a prompt or a menu.
    menu_.style = shows_ ? MenuStyle::shown : MenuStyle::hidden;
    menu_.timeout = shows_ ? std::nullopt : std::optional(0);
    if (timeout_ && *timeout_ > 0) menu_.timeout = (*timeout_ + 9) / 10;
    if (menu_.entries.empty()) {
      menu_.why_no_default = BootUnknown{BootUnknownCode::missing, {}, path_};
      return;
    }
    std::size_t index = 0;
    if (default_) {
      const auto found = std::ranges::find(menu_.entries, *default_, &BootEntry::id);
      if (found == menu_.entries.end()) {
        menu_.why_no_default = BootUnknown{BootUnknownCode::missing, *default_, path_};
        return;
      }
      index = static_cast<std::size_t>(found - menu_.entries.begin());
    }
    mark_default(menu_, index);
  }

  const std::string& path_;
  BootMenu& menu_;
  std::optional<std::string> default_;
  std::optional<int> timeout_;
  bool shows_ = false;
};

}  // namespace

BootMenu read_extlinux_menu(const std::string& path, std::string_view text) {
  BootMenu menu;
  menu.loader = LoaderKind::extlinux;
  Reader(path, menu).run(text);
  return menu;
}

}  // namespace vfio_switch
