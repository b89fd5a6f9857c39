// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/mkinitcpio_conf.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

bool is_name(std::string_view text) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         std::ranges::all_of(text, fits);
}

/// Goes through the text of a file, and knows the line that it is in.
class Cursor {
 public:
  Cursor(std::string_view file, std::string_view text) : file_(file), text_(text) {}

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\n' : text_[at_]; }
  char next() {
    const char c = peek();
    if (c == '\n') ++line_;
    ++at_;
    return c;
  }
  void skip_blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\t')) next();
  }
  void skip_line() {
    while (!at_end() && next() != '\n') {
    }
  }
  [[nodiscard]] Place where() const { return {file_, line_}; }

 private:
  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

/// Reads one word up to a blank, a line end, a bracket or a semicolon; quotes are taken off. The
/// blanks of a quoted part separate words as well: mkinitcpio splits strings at them.
class WordReader {
 public:
  WordReader(Cursor& cursor, std::vector<ConfigWord>& words)
      : cursor_(cursor), words_(words), where_(cursor.where()) {}

  void read() {
    while (!cursor_.at_end()) {
      if (quote_ != 0) {
        quoted(cursor_.next());
      } else if (ends_at(cursor_.peek())) {
        break;
      } else {
        plain(cursor_.next());
      }
    }
    flush();
  }

 private:
  [[nodiscard]] bool ends_at(char c) const {
    return braces_ == 0 && (is_blank(c) || c == ')' || c == ';');
  }

  void flush() {
    if (!word_.empty()) words_.push_back({std::exchange(word_, {}), where_});
  }

  void quoted(char c) {
    if (c == quote_) {
      quote_ = 0;
    } else if (is_blank(c) && braces_ == 0) {
      flush();
    } else {
      word_ += c;
    }
  }

  void plain(char c) {
    if (c == '"' || c == '\'') {
      quote_ = c;
      return;
    }
    if (c == '\\') {
      if (const char escaped = cursor_.next(); escaped != '\n') word_ += escaped;
      return;
    }
    if (c == '{') ++braces_;
    if (c == '}' && braces_ > 0) --braces_;
    word_ += c;
  }

  Cursor& cursor_;
  std::vector<ConfigWord>& words_;
  Place where_;
  std::string word_;
  char quote_ = 0;
  int braces_ = 0;  ///< of ${...}, whose blanks end no word
};

std::vector<ConfigWord> read_array(Cursor& cursor) {
  std::vector<ConfigWord> words;
  while (!cursor.at_end()) {
    const char c = cursor.peek();
    if (c == ')') {
      cursor.next();
      break;
    }
    if (is_blank(c) || c == ';') {
      cursor.next();
    } else if (c == '#') {
      cursor.skip_line();
    } else {
      WordReader(cursor, words).read();
    }
  }
  return words;
}

bool names_list(std::string_view word, std::string_view name) {
  const std::string text(name);
  return word == "${" + text + "[@]}" || word == "${" + text + "[*]}" || word == "$" + text ||
         word == "${" + text + "}";
}

std::string only_word(const std::vector<ConfigWord>& words) {
  return words.empty() ? std::string() : words.front().text;
}

}  // namespace

std::vector<ConfAssignment> parse_assignments(std::string_view file, std::string_view text) {
  std::vector<ConfAssignment> assignments;
  Cursor cursor(file, text);
  while (!cursor.at_end()) {
    cursor.skip_blanks();
    ConfAssignment one;
    one.where = cursor.where();
    while (!cursor.at_end() &&
           std::string_view(" \t\n=#(;").find(cursor.peek()) == std::string_view::npos) {
      one.name += cursor.next();
    }
    if (one.name.ends_with('+')) {
      one.appends = true;
      one.name.pop_back();
    }
    if (cursor.peek() != '=' || !is_name(one.name)) {
      cursor.skip_line();
      continue;
    }
    cursor.next();
    if (cursor.peek() == '(') {
      cursor.next();
      one.words = read_array(cursor);
    } else {
      WordReader(cursor, one.words).read();
    }
    assignments.push_back(std::move(one));
    cursor.skip_line();
  }
  return assignments;
}

std::vector<ConfigWord> list_after(const std::vector<ConfAssignment>& assignments,
                                   std::string_view name) {
  std::vector<ConfigWord> list;
  for (const auto& one : assignments) {
    if (one.name != name) continue;
    std::vector<ConfigWord> next;
    if (one.appends) next = list;
    for (const auto& word : one.words) {
      if (names_list(word.text, name)) {
        next.insert(next.end(), list.begin(), list.end());
      } else {
        next.push_back(word);
      }
    }
    list = std::move(next);
  }
  return list;
}

namespace {

/// What a preset file sets: a key of one image, or of all.
class PresetValues {
 public:
  PresetValues(std::string_view file, std::string_view text) {
    for (const auto& one : parse_assignments(file, text)) {
      auto& value = values_[one.name];
      if (!one.appends) value.clear();
      value.insert(value.end(), one.words.begin(), one.words.end());
    }
  }

  [[nodiscard]] const std::vector<ConfigWord>& named(const std::string& name) const {
    static const std::vector<ConfigWord> none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
  }

  [[nodiscard]] const std::vector<ConfigWord>& of(const std::string& image,
                                                  const std::string& key) const {
    const auto& own = named(image + "_" + key);
    return own.empty() ? named("ALL_" + key) : own;
  }

  /// Where the keys of an image that matter hold a variable or a command; nothing where none does.
  [[nodiscard]] std::optional<Place> unclear(const std::string& image) const {
    for (const std::string key : {"image", "uki", "efi_image", "config", "options"}) {
      const auto& words = of(image, key);
      const auto found = std::ranges::find_if(words, [](const ConfigWord& word) {
        return word.text.find_first_of("$`") != std::string::npos;
      });
      if (found != words.end()) return found->where;
    }
    return std::nullopt;
  }

 private:
  std::map<std::string, std::vector<ConfigWord>> values_;
};

}  // namespace

std::vector<MkinitcpioPreset> parse_preset(std::string_view file, std::string_view text) {
  const PresetValues values(file, text);
  std::vector<MkinitcpioPreset> presets;
  for (const auto& [name, where] : values.named("PRESETS")) {
    MkinitcpioPreset preset;
    preset.name = name;
    preset.image = only_word(values.of(name, "image"));
    preset.unified = only_word(values.of(name, "uki"));
    if (preset.unified.empty()) preset.unified = only_word(values.of(name, "efi_image"));
    const auto& config = values.of(name, "config");
    if (!config.empty()) preset.config = config.front();
    for (const auto& option : values.of(name, "options")) preset.options.push_back(option.text);
    preset.command_line = only_word(values.of(name, "cmdline"));
    // Given twice, the last one counts: mkinitcpio passes the options behind it.
    for (std::size_t i = 0; i < preset.options.size(); ++i) {
      const std::string_view option = preset.options[i];
      if (option.starts_with("--cmdline=")) preset.command_line = option.substr(10);
      const bool has_next = i + 1 < preset.options.size();
      if (option == "--cmdline" && has_next) preset.command_line = preset.options[i + 1];
    }
    preset.unclear = values.unclear(name);
    presets.push_back(std::move(preset));
  }
  return presets;
}

}  // namespace vfio_switch
