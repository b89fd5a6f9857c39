// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_conf.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/efi_variables.h"
#include "core/boot/refind_lines.h"

namespace vfio_switch {

namespace {

/// What changes which loaders rEFInd finds, and is not carried out here.
constexpr std::array<std::string_view, 9> other_entries = {
    "also_scan_dirs",  "dont_scan_volumes", "don't_scan_volumes",
    "dont_scan_files", "don't_scan_files",  "windows_recovery_files",
    "linux_prefixes",  "follow_symlinks",   "support_gzipped_loaders",
};

struct Switch {
  std::string_view key;
  bool RefindConf::* value;
};

constexpr std::array<Switch, 3> switches = {{
    {"scan_all_linux_kernels", &RefindConf::scans_kernels},
    {"fold_linux_kernels", &RefindConf::folds_kernels},
    {"use_nvram", &RefindConf::uses_nvram},
}};

struct List {
  std::string_view key;
  std::vector<std::string> RefindConf::* value;
};

constexpr std::array<List, 3> lists = {{
    {"dont_scan_dirs", &RefindConf::hidden_directories},
    {"don't_scan_dirs", &RefindConf::hidden_directories},
    {"extra_kernel_version_strings", &RefindConf::version_strings},
}};

bool is_true(const std::vector<std::string>& words) {
  if (words.size() < 2) return true;
  const auto value = lower_case(words[1]);
  return value != "0" && value != "false" && value != "off";
}

/// As Atoi() does it, and no more than a day.
int number_of(std::string_view text) {
  constexpr int most = 86'400;
  if (text == "-1") return -1;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    number = std::min(number * 10 + (c - '0'), most);
  }
  return number;
}

void set_list(std::vector<std::string>& list, const std::vector<std::string>& words) {
  const bool adds = words.size() > 2 && words[1] == "+";
  if (!adds) list.clear();
  for (std::size_t i = adds ? 2 : 1; i < words.size(); ++i) {
    for (const auto one : split_words(words[i], ",")) list.push_back(refind_path(one));
  }
}

std::string first_letters(const std::vector<std::string>& words) {
  constexpr std::size_t most = 11;
  std::string letters;
  for (std::size_t i = 1; i < std::min(words.size(), most); ++i) {
    letters += lower_case(words[i].substr(0, 1));
  }
  return letters;
}

bool hides_editor(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const std::string& word) {
    const auto what = lower_case(word);
    return what == "editor" || what == "all";
  });
}

class Reader {
 public:
  Reader(const std::string& path, const ReadRefindFile& read) : path_(path), read_(read) {}

  RefindConf run(std::string_view text) {
    const auto lines = refind_lines(text);
    set(lines, path_);
    add_stanzas(lines, path_);
    for (const auto& why : {by_time_, shutdown_}) {
      if (!conf_.why_other_default) conf_.why_other_default = why;
    }
    return std::move(conf_);
  }

 private:
  /// The lines of an included file; `path` is set to its own.
  std::vector<RefindLine> included(const std::string& name, int line, std::string& path) {
    constexpr int most_files = 64;
    const auto unknown = [&](BootUnknown why) {
      if (!conf_.why_other_default) conf_.why_other_default = why;
      if (!conf_.why_other_entries) conf_.why_other_entries = why;
      if (std::ranges::find(conf_.notes, why) == conf_.notes.end()) {
        conf_.notes.push_back(std::move(why));
      }
      return std::vector<RefindLine>();
    };
    const auto relative = slashed(name);
    // From the root of rEFInd's volume, which is anywhere.
    if (relative.starts_with('/') || ++files_ > most_files) {
      return unknown({BootUnknownCode::command, "include " + relative, path_, line});
    }
    path = path_.substr(0, path_.rfind('/') + 1) + relative;
    const auto text = read_(path);
    if (text.state == SourceText::State::unknown) return unknown(text.why);
    return refind_lines(text.text);
  }

  /// The name of a file that the line of refind.conf includes. Included files include none.
  [[nodiscard]] const std::string* include_of(const RefindLine& line,
                                              const std::string& path) const {
    if (path != path_ || line.words.size() != 2) return nullptr;
    if (lower_case(line.words[0]) != "include") return nullptr;
    const auto own = path_.substr(path_.rfind('/') + 1);
    return lower_case(line.words[1]) == lower_case(own) ? nullptr : &line.words[1];
  }

  void set(const std::vector<RefindLine>& lines, const std::string& path) {
    for (const auto& line : lines) {
      if (const auto* const name = include_of(line, path)) {
        std::string other;
        const auto more = included(*name, line.line, other);
        set(more, other);
        continue;
      }
      set(lower_case(line.words[0]), line, path);
    }
  }

  void set(const std::string& key, const RefindLine& line, const std::string& path) {
    const auto& words = line.words;
    const auto* const flag = std::ranges::find(switches, key, &Switch::key);
    const auto* const list = std::ranges::find(lists, key, &List::key);
    if (flag != switches.end()) {
      conf_.*flag->value = is_true(words);
    } else if (list != lists.end()) {
      set_list(conf_.*list->value, words);
    } else if (key == "timeout" && words.size() == 2) {
      conf_.timeout = number_of(words[1]);
    } else if (key == "default_selection" && words.size() == 2) {
      conf_.selection = words[1];
      by_time_.reset();
    } else if (key == "default_selection" && words.size() == 4) {
      // Four words: a default, and the hours in which it counts.
      by_time_ =
          BootUnknown{BootUnknownCode::condition, words[2] + " to " + words[3], path, line.line};
    } else if (key == "shutdown_after_timeout") {
      shutdown_.reset();
      if (is_true(words)) shutdown_ = BootUnknown{BootUnknownCode::command, key, path, line.line};
    } else if (key == "scanfor") {
      conf_.scan_for = first_letters(words);
    } else if (key == "hideui") {
      if (hides_editor(words)) conf_.has_editor = false;
    } else if (std::ranges::find(other_entries, key) != other_entries.end()) {
      if (!conf_.why_other_entries) {
        conf_.why_other_entries = BootUnknown{BootUnknownCode::command, key, path, line.line};
      }
    }
  }

  void add_stanzas(const std::vector<RefindLine>& lines, const std::string& path) {
    constexpr std::size_t most = 1024;
    for (std::size_t at = 0; at < lines.size();) {
      const auto& line = lines[at++];
      if (const auto* const name = include_of(line, path)) {
        std::string other;
        const auto more = included(*name, line.line, other);
        add_stanzas(more, other);
        continue;
      }
      if (lower_case(line.words[0]) != "menuentry" || line.words.size() < 2) continue;
      RefindStanza stanza;
      stanza.title = line.words[1];
      stanza.source = {path, line.line};
      read_stanza(stanza, lines, at, false);
      if (!stanza.is_disabled && conf_.stanzas.size() < most) {
        conf_.stanzas.push_back(std::move(stanza));
      }
    }
  }

  /// Reads up to the closing brace, or the end. Braces that open are not looked at.
  static void read_stanza(RefindStanza& stanza, const std::vector<RefindLine>& lines,
                          std::size_t& at, bool is_submenu) {
    while (at < lines.size()) {
      const auto& line = lines[at++];
      const auto key = lower_case(line.words[0]);
      if (key == "}") return;
      if (!is_submenu && key == "submenuentry" && line.words.size() > 1) {
        add_submenu(stanza, lines, at);
      } else {
        set(stanza, key, line, is_submenu);
      }
    }
  }

  /// Reads the submenu behind the line that begins it. It begins with what the stanza says so far.
  static void add_submenu(RefindStanza& stanza, const std::vector<RefindLine>& lines,
                          std::size_t& at) {
    const auto& line = lines[at - 1];
    auto inner = stanza;
    inner.submenus.clear();
    inner.title = line.words[1];
    inner.source.line = line.line;
    inner.is_disabled = false;
    read_stanza(inner, lines, at, true);
    if (!inner.is_disabled) stanza.submenus.push_back(std::move(inner));
  }

  static void set(RefindStanza& stanza, const std::string& key, const RefindLine& line,
                  bool is_submenu) {
    const auto value = line.words.size() > 1 ? std::optional(line.words[1]) : std::nullopt;
    // Without a value a submenu gives up what it has from its stanza.
    const bool counts = value || is_submenu;
    if (key == "disabled") {
      stanza.is_disabled = true;
    } else if (key == "initrd" && counts) {
      stanza.initrd = value.value_or("");
    } else if (key == "options" && counts) {
      stanza.options = value;
    } else if (!value) {
      return;
    } else if (key == "loader") {
      stanza.loader = *value;
    } else if (key == "volume") {
      stanza.volume = value;
    } else if (is_submenu && key == "add_options") {
      stanza.options = stanza.options ? *stanza.options + " " + *value : *value;
    } else if (!is_submenu && key == "firmware_bootnum") {
      stanza.is_firmware = true;
    }
  }

  const std::string& path_;
  const ReadRefindFile& read_;
  RefindConf conf_;
  std::optional<BootUnknown> by_time_;
  std::optional<BootUnknown> shutdown_;
  int files_ = 0;
};

}  // namespace

RefindConf read_refind_conf(const std::string& path, std::string_view text,
                            const ReadRefindFile& read) {
  return Reader(path, read).run(text);
}

}  // namespace vfio_switch
