// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/kernel_parameters.h"

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <vector>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

struct Span {
  std::size_t begin;
  std::size_t end;
};

/// The words of a line that are the kernel's, and where the rest begins.
struct Words {
  std::vector<Span> kernel;
  std::optional<std::size_t> dashes;  ///< where "--" stands
  bool open_quote = false;
};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

Words words_of(std::string_view line) {
  Words words;
  std::optional<std::size_t> begin;
  const auto end_word = [&](std::size_t end) {
    if (!begin) return;
    if (line.substr(*begin, end - *begin) == "--") {
      if (!words.dashes) words.dashes = begin;
    } else if (!words.dashes) {
      words.kernel.push_back({*begin, end});
    }
    begin.reset();
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') words.open_quote = !words.open_quote;
    if (is_blank(line[i]) && !words.open_quote) {
      end_word(i);
    } else if (!begin) {
      begin = i;
    }
  }
  end_word(line.size());
  return words;
}

std::string_view text_of(std::string_view line, Span word) {
  return line.substr(word.begin, word.end - word.begin);
}

}  // namespace

bool has_parameter(std::string_view line, std::string_view parameter) {
  return std::ranges::any_of(words_of(line).kernel,
                             [&](Span word) { return text_of(line, word) == parameter; });
}

bool has_value(std::string_view line, std::string_view key, std::string_view value) {
  return std::ranges::any_of(words_of(line).kernel, [&](Span word) {
    const auto text = text_of(line, word);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || text.substr(0, equals) != key) return false;
    const auto values = split_words(text.substr(equals + 1), ",");
    return std::ranges::find(values, value) != values.end();
  });
}

std::optional<std::string> add_parameter(std::string_view line, std::string_view parameter) {
  const auto words = words_of(line);
  if (words.open_quote) return std::nullopt;
  std::string added(line);
  if (words.dashes) return added.insert(*words.dashes, std::string(parameter) + " ");
  if (!added.empty()) added += ' ';
  return added += parameter;
}

std::string remove_parameter(std::string_view line, std::string_view parameter) {
  const auto words = words_of(line);
  auto reversed = std::views::reverse(words.kernel);
  const auto found =
      std::ranges::find_if(reversed, [&](Span word) { return text_of(line, word) == parameter; });
  if (found == reversed.end()) return std::string(line);
  auto [begin, end] = *found;
  // The blank that add_parameter() gave it: behind it where "--" follows, else before it.
  const bool precedes_dashes = words.dashes == end + 1 && line[end] == ' ';
  if (!precedes_dashes && begin > 0 && line[begin - 1] == ' ') {
    --begin;
  } else if (end < line.size() && line[end] == ' ') {
    ++end;
  }
  return std::string(line).erase(begin, end - begin);
}

}  // namespace vfio_switch
