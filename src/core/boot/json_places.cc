// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/json_places.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <ranges>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_of_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' ||
         c == '.';
}

/// UTF-8 of a character below U+10000; the halves of others are of no use to anybody here.
std::string utf8(unsigned code) {
  const auto byte = [](unsigned value) { return static_cast<char>(value); };
  constexpr unsigned rest = 0x3F;
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0 | (code >> 6)), byte(0x80 | (code & rest))};
  return {byte(0xE0 | (code >> 12)), byte(0x80 | ((code >> 6) & rest)), byte(0x80 | (code & rest))};
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<JsonPlace> run() {
    auto place = value(0);
    skip_blanks();
    return at_ == text_.size() ? std::move(place) : std::nullopt;
  }

 private:
  std::optional<JsonPlace> value(int depth) {
    constexpr int deepest = 64;
    skip_blanks();
    if (at_ == text_.size() || depth > deepest) return std::nullopt;
    JsonPlace place{text_[at_], at_, at_};
    bool whole = false;
    if (place.kind == '"') {
      whole = skip_string();
    } else if (place.kind == '{' || place.kind == '[') {
      whole = add_parts(place, depth);
    } else {
      while (at_ < text_.size() && is_of_scalar(text_[at_])) ++at_;
      whole = at_ > place.begin;
    }
    if (!whole) return std::nullopt;
    place.end = at_;
    return place;
  }

  bool add_parts(JsonPlace& place, int depth) {
    const bool is_object = place.kind == '{';
    const char close = is_object ? '}' : ']';
    ++at_;
    if (take(close)) return true;
    for (bool more = true; more; more = take(',')) {
      if (is_object) {
        const auto key = value(depth + 1);
        auto name = key ? json_string(key->of(text_)) : std::nullopt;
        if (!name || !take(':')) return false;
        place.keys.push_back(std::move(*name));
      }
      auto part = value(depth + 1);
      if (!part) return false;
      place.parts.push_back(std::move(*part));
    }
    return take(close);
  }

  bool skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(text_[at_]) < ' ') return false;
      if (text_[at_] == '\\') ++at_;
    }
    return false;
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const JsonPlace* JsonPlace::find(std::string_view key) const {
  const auto reversed = std::views::reverse(keys);
  const auto found = std::ranges::find(reversed, key);
  if (found == reversed.end()) return nullptr;
  return &parts[keys.size() - 1 - static_cast<std::size_t>(found - reversed.begin())];
}

std::optional<JsonPlace> find_json_places(std::string_view text) {
  return Reader(text).run();
}

std::optional<std::string> json_string(std::string_view written) {
  if (written.size() < 2 || written.front() != '"' || written.back() != '"') return std::nullopt;
  constexpr std::string_view escaped = "\"\\/bfnrt";
  constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
  constexpr std::size_t digits = 4;
  std::string text;
  for (std::size_t i = 1; i + 1 < written.size(); ++i) {
    if (written[i] != '\\') {
      text += written[i];
      continue;
    }
    const auto which = escaped.find(written[++i]);
    if (which != std::string_view::npos) {
      text += meant[which];
      continue;
    }
    const auto code = written[i] == 'u' && i + digits + 1 < written.size()
                          ? parse_hex(written.substr(i + 1, digits))
                          : std::nullopt;
    if (!code) return std::nullopt;
    text += utf8(*code);
    i += digits;
  }
  return text;
}

}  // namespace vfio_switch
