// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t most_values = 8;
constexpr std::size_t most_ways = 16;
/// No menu has longer values; a loop of a broken one would make them grow without end.
constexpr std::size_t longest_value = std::size_t{16} << 10U;

/// What GRUB 2.00 and later set to "y" and export before they read anything (normal/main.c).
bool is_feature(std::string_view name) {
  constexpr std::array<std::string_view, 10> features = {
      "chainloader_bpb",  "ntldr",        "platform_search_hint", "default_font_path",
      "all_video_module", "menuentry_id", "menuentry_options",    "200_final",
      "nativedisk_cmd",   "timeout_style"};
  constexpr std::string_view prefix = "feature_";
  return name.starts_with(prefix) &&
         std::ranges::find(features, name.substr(prefix.size())) != features.end();
}

/// Arguments that are being put together.
struct Way {
  std::vector<std::string> arguments;
  std::string current;
  bool has_current = false;

  void end_word() {
    if (has_current) arguments.push_back(std::move(current));
    current.clear();
    has_current = false;
  }

  void add(std::string_view text, bool quoted) {
    if (quoted) {
      current += text;
      has_current = true;
      return;
    }
    constexpr std::string_view blanks = " \t\n";
    for (const char c : text) {
      if (blanks.find(c) != std::string_view::npos) {
        end_word();
      } else {
        current += c;
        has_current = true;
      }
    }
  }
};

void add_values(std::vector<Way>& ways, const GrubValues& values, const GrubPiece& piece,
                std::vector<std::string>& open) {
  if (values.is_open) open.push_back(piece.text);
  std::vector<Way> grown;
  for (const auto& way : ways) {
    for (const auto& value : values.any) {
      if (grown.size() == most_ways) {
        open.push_back(piece.text);
        ways = std::move(grown);
        return;
      }
      grown.push_back(way);
      if (way.current.size() + value.size() > longest_value) {
        open.push_back(piece.text);
      } else {
        grown.back().add(value, piece.is_quoted);
      }
    }
  }
  ways = std::move(grown);
}

}  // namespace

std::optional<std::string> GrubValues::only() const {
  if (is_open || any.size() != 1) return std::nullopt;
  return any.front();
}

void GrubValues::merge(const GrubValues& other) {
  is_open = is_open || other.is_open;
  for (const auto& value : other.any) {
    if (std::ranges::find(any, value) != any.end()) continue;
    if (any.size() == most_values) {
      is_open = true;
      return;
    }
    any.push_back(value);
  }
}

GrubValues GrubState::value_of(std::string_view name) const {
  if (!name.empty() && name.front() >= '0' && name.front() <= '9') {
    std::size_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number >= 1 && number <= arguments.size() ? arguments[number - 1] : GrubValues();
  }
  if (name == "#") return GrubValues::of(std::to_string(arguments.size()));
  if (name == "?") return GrubValues::open();
  const auto found = variables.find(name);
  if (found != variables.end()) return found->second;
  if (is_feature(name)) return GrubValues::of("y");
  return is_unread ? GrubValues::open() : GrubValues();
}

void GrubState::set(std::string_view name, GrubValues values) {
  const auto is_long = [](const std::string& value) { return value.size() > longest_value; };
  if (std::ranges::any_of(values.any, is_long)) values = GrubValues::open();
  variables.insert_or_assign(std::string(name), std::move(values));
}

void GrubState::merge(const GrubState& other) {
  for (auto& [name, values] : variables) values.merge(other.value_of(name));
  for (const auto& [name, values] : other.variables) {
    if (variables.contains(name)) continue;
    auto both = value_of(name);
    both.merge(values);
    variables.emplace(name, std::move(both));
  }
  exported.insert(other.exported.begin(), other.exported.end());
  functions.insert(other.functions.begin(), other.functions.end());
  is_unread = is_unread || other.is_unread;
}

GrubState GrubState::nested() const {
  GrubState inner;
  inner.exported = exported;
  inner.functions = functions;
  inner.is_unread = is_unread;
  for (const auto& name : exported) {
    if (const auto found = variables.find(name); found != variables.end()) {
      inner.variables.insert(*found);
    }
  }
  return inner;
}

GrubExpansion expand(const std::vector<GrubWord>& words, const GrubState& state) {
  GrubExpansion expansion;
  std::vector<Way> ways(1);
  for (const auto& word : words) {
    for (const auto& piece : word.pieces) {
      if (!piece.is_variable) {
        for (auto& way : ways) {
          way.current += piece.text;
          way.has_current = true;
        }
        continue;
      }
      if (piece.text == "@" || piece.text == "*") {
        // Each argument is a word of its own, except in "$*".
        for (std::size_t i = 0; i < state.arguments.size(); ++i) {
          if (i > 0 && piece.text == "@") {
            for (auto& way : ways) way.end_word();
          } else if (i > 0) {
            for (auto& way : ways) way.add(" ", piece.is_quoted);
          }
          add_values(ways, state.arguments[i], piece, expansion.open);
        }
        continue;
      }
      add_values(ways, state.value_of(piece.text), piece, expansion.open);
    }
    for (auto& way : ways) way.end_word();
  }
  for (auto& way : ways) {
    if (std::ranges::find(expansion.ways, way.arguments) == expansion.ways.end()) {
      expansion.ways.push_back(std::move(way.arguments));
    }
  }
  return expansion;
}

}  // namespace vfio_switch
