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

/// All the ways in which words can come out.
class Ways {
 public:
  explicit Ways(const GrubState& state) : state_(state) {}

  void add(const GrubWord& word) {
    for (const auto& piece : word.pieces) {
      if (!piece.is_variable) {
        add_text(piece.text, true);
      } else if (piece.text == "@" || piece.text == "*") {
        add_arguments(piece);
      } else {
        add_values(state_.value_of(piece.text), piece);
      }
    }
    end_word();
  }

  GrubExpansion expansion() && {
    GrubExpansion expansion;
    for (auto& way : ways_) {
      if (std::ranges::find(expansion.ways, way.arguments) == expansion.ways.end()) {
        expansion.ways.push_back(std::move(way.arguments));
      }
    }
    expansion.open = std::move(open_);
    return expansion;
  }

 private:
  void add_text(std::string_view text, bool quoted) {
    for (auto& way : ways_) way.add(text, quoted);
  }

  void end_word() {
    for (auto& way : ways_) way.end_word();
  }

  /// Each argument is a word of its own, except in "$*".
  void add_arguments(const GrubPiece& piece) {
    for (std::size_t i = 0; i < state_.arguments.size(); ++i) {
      if (i > 0 && piece.text == "@") {
        end_word();
      } else if (i > 0) {
        add_text(" ", piece.is_quoted);
      }
      add_values(state_.arguments[i], piece);
    }
  }

  void add_values(const GrubValues& values, const GrubPiece& piece) {
    if (values.is_open) open_.push_back(piece.text);
    std::vector<Way> grown;
    for (const auto& way : ways_) {
      for (const auto& value : values.any) {
        if (grown.size() == most_ways) {
          open_.push_back(piece.text);
          ways_ = std::move(grown);
          return;
        }
        grown.push_back(way);
        if (way.current.size() + value.size() > longest_value) {
          open_.push_back(piece.text);
        } else {
          grown.back().add(value, piece.is_quoted);
        }
      }
    }
    ways_ = std::move(grown);
  }

  const GrubState& state_;
  std::vector<Way> ways_ = std::vector<Way>(1);
  std::vector<std::string> open_;
};

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
  Ways ways(state);
  for (const auto& word : words) ways.add(word);
  return std::move(ways).expansion();
}

}  // namespace vfio_switch
