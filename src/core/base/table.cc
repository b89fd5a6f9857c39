// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/table.h"

#include <algorithm>
#include <numeric>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t gap = 2;  // between columns

std::string_view sequence(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::good:
      return "\033[32m";
    case Tone::bad:
      return "\033[1;31m";
    case Tone::attention:
      return "\033[33m";
    case Tone::faint:
      return "\033[2m";
    case Tone::heading:
      return "\033[1m";
  }
  return "";
}

std::size_t longest_word(std::string_view text) {
  std::size_t longest = 0;
  for (const auto word : split_words(text)) longest = std::max(longest, columns(word));
  return longest + text.find_first_not_of(' ') * (text.starts_with(' ') ? 1 : 0);
}

std::string blanks(std::size_t count) {
  std::string text;
  text.resize(count, ' ');
  return text;
}

/// The lines of a cell as they stand in a column `width` wide.
std::vector<Phrase> broken(const Cell& cell, std::size_t width) {
  std::vector<Phrase> lines;
  for (const auto& phrase : cell.lines()) {
    for (auto& line : wrapped(phrase.text, width)) lines.push_back({std::move(line), phrase.tone});
  }
  return lines;
}

}  // namespace

std::size_t columns(std::string_view text) {
  // Counts every byte except those that continue a UTF-8 character.
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string toned(std::string_view text, Tone tone, const Style& style) {
  const auto begin = sequence(tone);
  if (!style.colour || begin.empty() || text.empty()) return std::string(text);
  return std::string(begin) + std::string(text) + "\033[0m";
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  const auto first = text.find_first_not_of(' ');
  if (width == 0 || columns(text) <= width || first == std::string_view::npos) {
    return {std::string(text)};
  }
  const auto front = blanks(first);
  std::vector<std::string> lines;
  std::string line = front;
  bool empty = true;
  for (const auto word : split_words(text)) {
    if (!empty && columns(line) + 1 + columns(word) > width) {
      lines.push_back(std::move(line));
      line = front;
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string paragraph(std::string_view first, const Phrase& text, const Style& style) {
  const auto indent = columns(first);
  const auto width = style.width > indent ? style.width - indent : style.width;
  std::string result;
  for (const auto& line : wrapped(text.text, width)) {
    result += result.empty() ? std::string(first) : blanks(indent);
    result += toned(line, text.tone, style) + "\n";
  }
  return result;
}

std::vector<std::size_t> Table::widths(std::size_t available) const {
  std::vector<std::size_t> natural;
  std::vector<std::size_t> least;
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    natural.push_back(columns(titles_[i]));
    least.push_back(longest_word(titles_[i]));
    for (const auto& row : rows_) {
      for (const auto& line : row[i].lines()) {
        natural[i] = std::max(natural[i], columns(line.text));
        least[i] = std::max(least[i], longest_word(line.text));
      }
    }
  }
  const auto between = gap * (titles_.size() - 1) + indent_;
  const auto sum = [](const std::vector<std::size_t>& all) {
    return std::accumulate(all.begin(), all.end(), std::size_t{0});
  };
  if (available == 0 || sum(natural) + between <= available) return natural;
  if (sum(least) + between > available) return {};
  // Spare width is shared equally, beginning with the columns that need the least.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < titles_.size(); ++i) order.push_back(i);
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return natural[i] - least[i]; });
  auto left = available - sum(least) - between;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto column = order[i];
    const auto more = std::min(natural[column] - least[column], left / (order.size() - i));
    least[column] += more;
    left -= more;
  }
  return least;
}

std::string Table::side_by_side(const std::vector<std::size_t>& widths, const Style& style) const {
  const auto row_text = [&](const std::vector<Cell>& row) {
    std::vector<std::vector<Phrase>> cells;
    std::size_t height = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      cells.push_back(broken(row[i], widths[i]));
      height = std::max(height, cells.back().size());
    }
    std::string text;
    for (std::size_t line = 0; line < height; ++line) {
      std::string shown;
      std::size_t missing = indent_;  // blanks before the next word: none at the end of a line
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const Phrase phrase = line < cells[i].size() ? cells[i][line] : Phrase();
        const auto used = columns(phrase.text);
        if (used > 0) shown += blanks(missing) + toned(phrase.text, phrase.tone, style);
        missing = (used > 0 ? 0 : missing) + std::max(widths[i], used) - used + gap;
      }
      text += shown + "\n";
    }
    return text;
  };
  std::vector<Cell> titles;
  for (const auto& title : titles_) titles.emplace_back(title, Tone::heading);
  std::string text = row_text(titles);
  for (const auto& row : rows_) text += row_text(row);
  return text;
}

std::string Table::stacked(const Style& style) const {
  std::size_t widest = 0;
  for (const auto& title : titles_) widest = std::max(widest, columns(title));
  const auto left = indent_ + widest + gap;
  std::string text;
  for (const auto& row : rows_) {
    if (!text.empty()) text += "\n";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (std::ranges::all_of(row[i].lines(), [](const Phrase& p) { return p.text.empty(); })) {
        continue;
      }
      const auto padding = widest - columns(titles_[i]) + gap;
      auto before = blanks(indent_) + toned(titles_[i], Tone::heading, style) + blanks(padding);
      for (const auto& line : broken(row[i], style.width > left ? style.width - left : 1)) {
        text += before + toned(line.text, line.tone, style) + "\n";
        before = blanks(left);
      }
    }
  }
  return text;
}

std::string Table::str(const Style& style) const {
  const auto fitting = widths(style.width);
  return fitting.empty() ? stacked(style) : side_by_side(fitting, style);
}

}  // namespace vfio_switch
