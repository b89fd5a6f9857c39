// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/loader_versions.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace vfio_switch {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char front(std::string_view text) {
  return text.empty() ? '\0' : text.front();
}

int sign(int order) {
  if (order == 0) return 0;
  return order < 0 ? -1 : 1;
}

template <class Predicate>
std::string_view take(std::string_view& text, Predicate belongs) {
  const auto* const end = std::ranges::find_if_not(text, belongs);
  const auto part = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(part.size());
  return part;
}

/// Digits as a number of any length.
int compare_numbers(std::string_view left, std::string_view right) {
  const auto is_zero = [](char c) { return c == '0'; };
  take(left, is_zero);
  take(right, is_zero);
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return sign(left.compare(right));
}

/// Moves past `separator` where both have it; an order where only one has it, which is then the
/// older one.
std::optional<int> compare_separator(std::string_view& left, std::string_view& right,
                                     char separator) {
  const bool a = front(left) == separator;
  const bool b = front(right) == separator;
  if (a != b) return a ? -1 : 1;
  if (a) {
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  return std::nullopt;
}

/// An order where one of them has come to its end, which is then the older one.
int compare_ends(std::string_view left, std::string_view right) {
  if (left.empty() == right.empty()) return 0;
  return left.empty() ? -1 : 1;
}

/// The separator that stands before the next parts; NUL where none does.
char rpm_separator(std::string_view left, std::string_view right) {
  if (front(left) == '~' || front(right) == '~') return '~';
  return front(left) == '+' || front(right) == '+' ? '+' : '\0';
}

std::optional<int> compare_rpm_separator(std::string_view& left, std::string_view& right,
                                         char separator) {
  // The end is newer than '~' and older than '+'.
  if (separator == '+' && (left.empty() || right.empty())) return compare_ends(left, right);
  return compare_separator(left, right, separator);
}

/// Moves past the digits or letters that both begin with.
int compare_rpm_parts(std::string_view& left, std::string_view& right) {
  const bool number = is_digit(left.front());
  const auto a = number ? take(left, is_digit) : take(left, is_letter);
  const auto b = number ? take(right, is_digit) : take(right, is_letter);
  // Numbers are newer than letters.
  if (b.empty()) return number ? 1 : -1;
  return number ? compare_numbers(a, b) : sign(a.compare(b));
}

int compare_systemd_parts(std::string_view& left, std::string_view& right) {
  if (!is_digit(front(left)) && !is_digit(front(right))) {
    return sign(take(left, is_letter).compare(take(right, is_letter)));
  }
  const auto a = take(left, is_digit);
  const auto b = take(right, is_digit);
  if (a.empty() != b.empty()) return compare_ends(a, b);
  return compare_numbers(a, b);
}

}  // namespace

int compare_rpm_versions(std::string_view left, std::string_view right) {
  if (left == right) return 0;
  const auto drop = [](char c) { return !is_digit(c) && !is_letter(c) && c != '~' && c != '+'; };
  while (!left.empty() || !right.empty()) {
    take(left, drop);
    take(right, drop);
    if (const auto separator = rpm_separator(left, right); separator != '\0') {
      if (const auto order = compare_rpm_separator(left, right, separator)) return *order;
      continue;
    }
    if (left.empty() || right.empty()) break;
    if (const auto order = compare_rpm_parts(left, right); order != 0) return order;
  }
  return compare_ends(left, right);
}

int compare_systemd_versions(std::string_view left, std::string_view right) {
  const auto drop = [](char c) {
    return !is_digit(c) && !is_letter(c) && c != '~' && c != '-' && c != '^' && c != '.';
  };
  for (;;) {
    take(left, drop);
    take(right, drop);
    if (const auto order = compare_separator(left, right, '~')) return *order;
    if (left.empty() || right.empty()) return compare_ends(left, right);
    for (const char separator : {'-', '^', '.'}) {
      if (const auto order = compare_separator(left, right, separator)) return *order;
    }
    if (const auto order = compare_systemd_parts(left, right); order != 0) return order;
  }
}

namespace {

/// Matches the set behind a '[' with `c`; `pattern` moves past it. Nothing where it has no end.
std::optional<bool> match_set(std::string_view& pattern, char c) {
  bool match = false;
  bool can_range = true;
  char previous = '\0';
  for (bool first = true;; first = false) {
    if (pattern.empty()) return std::nullopt;
    char one = pattern.front();
    pattern.remove_prefix(1);
    if (one == ']' && !first) return match;
    const bool escaped = one == '\\';
    if (escaped) {
      if (pattern.empty()) return std::nullopt;
      one = pattern.front();
      pattern.remove_prefix(1);
    } else if (one == '-' && can_range && !first && front(pattern) != ']') {
      if (front(pattern) == '\\') pattern.remove_prefix(1);
      if (pattern.empty()) return std::nullopt;
      const char high = pattern.front();
      pattern.remove_prefix(1);
      if (previous <= c && c <= high) match = true;
      can_range = false;
      previous = high;
      continue;
    }
    if (one == c) match = true;
    can_range = true;
    previous = one;
  }
}

/// Matches up to the next '*' of the pattern, which both then stand behind and before; without
/// one, to the ends of both.
bool match_simple(std::string_view& pattern, std::string_view& name, bool& star) {
  star = false;
  while (!pattern.empty()) {
    const char one = pattern.front();
    if (one == '*') {
      take(pattern, [](char c) { return c == '*'; });
      star = true;
      return true;
    }
    if (name.empty()) return false;
    pattern.remove_prefix(1);
    if (one == '[') {
      if (!match_set(pattern, name.front()).value_or(false)) return false;
    } else if (one == '\\') {
      if (front(pattern) != name.front() || pattern.empty()) return false;
      pattern.remove_prefix(1);
    } else if (one != '?' && one != name.front()) {
      return false;
    }
    name.remove_prefix(1);
  }
  return name.empty();
}

}  // namespace

bool matches_entry_pattern(std::string_view pattern, std::string_view name) {
  bool star = false;
  if (!match_simple(pattern, name, star)) return false;
  if (!star) return true;
  for (;;) {
    auto rest = pattern;
    auto tail = name;
    if (match_simple(rest, tail, star)) {
      if (!star) return true;
      pattern = rest;
      name = tail;
      continue;
    }
    if (name.empty()) return false;
    name.remove_prefix(1);
  }
}

}  // namespace vfio_switch
