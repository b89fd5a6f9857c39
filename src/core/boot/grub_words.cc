// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_words.h"

#include <algorithm>
#include <string>
#include <utility>

namespace vfio_switch {

namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_special(char c) {
  return c == '?' || c == '#' || c == '*' || c == '@';
}

/// Ends a word where it is not quoted.
bool is_meta(char c) {
  return std::string_view("{}|&;<> \t\n").find(c) != std::string_view::npos;
}

}  // namespace

std::string_view GrubWords::bare_word() const {
  if (token_ != GrubToken::word || word_.pieces.size() != 1) return {};
  const auto& piece = word_.pieces.front();
  return piece.is_variable || piece.is_quoted ? std::string_view() : std::string_view(piece.text);
}

GrubWord GrubWords::take_word() {
  auto word = std::move(word_);
  advance();
  return word;
}

bool GrubWords::take(GrubToken token) {
  if (token_ != token) return false;
  advance();
  return true;
}

void GrubWords::skip_line() {
  while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  advance();
}

void GrubWords::skip_blanks() {
  for (;;) {
    if (peek() == ' ' || peek() == '\t' || peek() == '\r') {
      ++at_;
    } else if (peek() == '\\' && peek(1) == '\n') {
      at_ += 2;
      ++line_;
    } else {
      return;
    }
  }
}

void GrubWords::advance() {
  word_ = {};
  skip_blanks();
  if (peek() == '#') {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  token_line_ = line_;
  if (at_ >= text_.size()) {
    token_ = GrubToken::end;
    return;
  }
  const char c = text_[at_];
  if (c == '\n' || c == ';') {
    token_ = GrubToken::separator;
    line_ += c == '\n' ? 1 : 0;
    ++at_;
  } else if (c == '{' || c == '}') {
    token_ = c == '{' ? GrubToken::open : GrubToken::close;
    ++at_;
  } else if (is_meta(c)) {
    token_ = GrubToken::bad;
    ++at_;
  } else {
    token_ = GrubToken::word;
    read_word();
  }
}

void GrubWords::add_text(std::string_view text, bool quoted) {
  auto& pieces = word_.pieces;
  if (pieces.empty() || pieces.back().is_variable || pieces.back().is_quoted != quoted) {
    pieces.push_back({{}, false, quoted});
  }
  pieces.back().text += text;
}

std::string_view GrubWords::take_until(std::string_view ends) {
  const auto end = std::min(text_.find_first_of(ends, at_), text_.size());
  const auto run = text_.substr(at_, end - at_);
  at_ = end;
  return run;
}

void GrubWords::read_word() {
  while (at_ < text_.size() && token_ != GrubToken::bad) {
    const char c = text_[at_];
    if (is_meta(c) || c == '\r') break;
    if (c == '\'' || c == '"') {
      read_quoted();
    } else if (c == '$') {
      read_variable(false);
    } else if (c == '\\') {
      if (peek(1) == '\n') {
        ++line_;
      } else if (at_ + 1 < text_.size()) {
        // An escaped character is as good as a quoted one.
        add_text(text_.substr(at_ + 1, 1), true);
      }
      at_ += 2;
    } else {
      add_text(take_until("{}|&;<> \t\n\r'\"$\\"), false);
    }
  }
}

void GrubWords::read_quoted() {
  const char quote = text_[at_++];
  word_.pieces.push_back({{}, false, true});
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == quote) {
      ++at_;
      return;
    }
    if (c == '\n') ++line_;
    if (quote == '"' && c == '$') {
      read_variable(true);
      continue;
    }
    if (quote == '"' && c == '\\' && at_ + 1 < text_.size()) {
      const char next = text_[at_ + 1];
      if (next == '\n') {
        ++line_;
        at_ += 2;
        continue;
      }
      if (next == '$' || next == '\\' || next == '"') {
        add_text(text_.substr(at_ + 1, 1), true);
        at_ += 2;
        continue;
      }
    }
    add_text(text_.substr(at_++, 1), true);
    add_text(take_until(quote == '\'' ? "'\n" : "\"$\\\n"), true);
  }
  token_ = GrubToken::bad;
}

void GrubWords::read_variable(bool quoted) {
  ++at_;
  // $"text" is a text that GRUB may translate.
  if (!quoted && peek() == '"') {
    read_quoted();
    return;
  }
  const bool braced = peek() == '{';
  if (braced) ++at_;
  std::string name;
  if (is_special(peek()) && at_ < text_.size()) {
    name = text_[at_++];
  } else if (is_digit(peek())) {
    while (is_digit(peek())) name += text_[at_++];
  } else if (is_name_start(peek())) {
    while (is_name_start(peek()) || is_digit(peek())) name += text_[at_++];
  }
  if (name.empty() || (braced && peek() != '}')) {
    token_ = GrubToken::bad;
    return;
  }
  if (braced) ++at_;
  word_.pieces.push_back({std::move(name), true, quoted});
}

}  // namespace vfio_switch
