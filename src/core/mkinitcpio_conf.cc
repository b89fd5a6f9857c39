// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/mkinitcpio_conf.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "core/text.h"

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
  [[nodiscard]] std::string where() const { return file_ + ":" + std::to_string(line_); }

 private:
  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

/// Reads one word up to a blank, a line end, a bracket or a semicolon; quotes are taken off. The
/// blanks of a quoted part separate words as well: mkinitcpio splits strings at them.
void read_word(Cursor& cursor, std::vector<ConfigWord>& words) {
  const auto where = cursor.where();
  std::string word;
  char quote = 0;
  int braces = 0;
  const auto flush = [&] {
    if (!word.empty()) words.push_back({std::exchange(word, {}), where});
  };
  while (!cursor.at_end()) {
    const char c = cursor.peek();
    const bool is_blank = c == ' ' || c == '\t' || c == '\n';
    if (quote != 0) {
      cursor.next();
      if (c == quote) {
        quote = 0;
      } else if (is_blank && braces == 0) {
        flush();
      } else {
        word += c;
      }
      continue;
    }
    if (braces == 0 && (is_blank || c == ')' || c == ';')) break;
    cursor.next();
    if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '\\') {
      if (const char escaped = cursor.next(); escaped != '\n') word += escaped;
    } else {
      if (c == '{') ++braces;
      if (c == '}' && braces > 0) --braces;
      word += c;
    }
  }
  flush();
}

std::vector<ConfigWord> read_array(Cursor& cursor) {
  std::vector<ConfigWord> words;
  while (!cursor.at_end()) {
    const char c = cursor.peek();
    if (c == ')') {
      cursor.next();
      break;
    }
    if (c == ' ' || c == '\t' || c == '\n' || c == ';') {
      cursor.next();
    } else if (c == '#') {
      cursor.skip_line();
    } else {
      read_word(cursor, words);
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
      read_word(cursor, one.words);
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

std::vector<MkinitcpioPreset> parse_preset(std::string_view file, std::string_view text) {
  std::map<std::string, std::vector<ConfigWord>, std::less<>> values;
  for (const auto& one : parse_assignments(file, text)) {
    auto& value = values[one.name];
    if (!one.appends) value.clear();
    value.insert(value.end(), one.words.begin(), one.words.end());
  }
  std::vector<MkinitcpioPreset> presets;
  for (const auto& name : values["PRESETS"]) {
    const auto value = [&](std::string_view key) -> const std::vector<ConfigWord>& {
      static const std::vector<ConfigWord> none;
      const auto own = values.find(name.text + "_" + std::string(key));
      if (own != values.end() && !own->second.empty()) return own->second;
      const auto all = values.find("ALL_" + std::string(key));
      return all == values.end() ? none : all->second;
    };
    MkinitcpioPreset preset{name.text, only_word(value("image")), only_word(value("uki")), {}, {},
                            {}};
    if (preset.unified.empty()) preset.unified = only_word(value("efi_image"));
    if (const auto& config = value("config"); !config.empty()) preset.config = config.front();
    for (const auto& option : value("options")) preset.options.push_back(option.text);
    for (const auto* key : {"image", "uki", "efi_image", "config", "options", "cmdline"}) {
      for (const auto& word : value(key)) {
        if (word.text.find_first_of("$`") != std::string::npos) preset.unclear = word.where;
      }
    }
    presets.push_back(std::move(preset));
  }
  return presets;
}

}  // namespace vfio_switch
