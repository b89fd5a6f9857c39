// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/refind_lines.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/boot/efi_variables.h"

namespace vfio_switch {

namespace {

/// Takes a line apart; its text goes up to the end.
class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  std::vector<std::string> words() {
    std::vector<std::string> words;
    while (true) {
      while (!quoted_ && is(" \t=,")) ++at_;
      if (is_over()) return words;
      if (line_[at_] == '"') {
        quoted_ = !quoted_;
        ++at_;
      }
      words.push_back(take_word());
      if (is_over()) return words;
      ++at_;
    }
  }

 private:
  [[nodiscard]] bool is(std::string_view set) const {
    return at_ < line_.size() && set.find(line_[at_]) != std::string_view::npos;
  }

  [[nodiscard]] bool is_over() const { return at_ >= line_.size() || line_[at_] == '#'; }

  /// Up to the blank, or the quote, that ends it.
  std::string take_word() {
    std::string word;
    while (at_ < line_.size() && (quoted_ || !is(" \t=#,"))) {
      if (line_[at_] == '"') {
        // Two quotes are one that is meant.
        if (at_ + 1 >= line_.size() || line_[at_ + 1] != '"') {
          quoted_ = !quoted_;
          return word;
        }
        ++at_;
      }
      word += line_[at_] == '/' && !quoted_ ? '\\' : line_[at_];
      ++at_;
    }
    return word;
  }

  std::string_view line_;
  std::size_t at_ = 0;
  bool quoted_ = false;
};

}  // namespace

std::vector<RefindLine> refind_lines(std::string_view text) {
  std::vector<RefindLine> lines;
  std::string decoded;
  if (text.starts_with("\xff\xfe")) {
    decoded = utf8_of_efi(text.substr(2));
    text = decoded;
  } else if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  int number = 1;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\n\r"), text.size());
    const auto line = text.substr(0, end);
    auto words = Splitter(line.substr(0, line.find('\0'))).words();
    if (!words.empty()) lines.push_back({std::move(words), number});
    if (end < text.size() && text[end] == '\n') ++number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string refind_path(std::string_view path) {
  std::string whole;
  for (const auto part : split_words(path, "/\\")) {
    if (!whole.empty()) whole += '\\';
    whole += part;
  }
  return whole;
}

}  // namespace vfio_switch
