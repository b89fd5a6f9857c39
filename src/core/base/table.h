// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// The meaning of a piece of text, shown as a colour. It never carries information alone.
enum class Tone { plain, good, bad, attention, faint, heading };

/// Where text is shown.
struct Style {
  std::size_t width = 0;  ///< columns; 0: lines may have any length
  bool colour = false;

  bool operator==(const Style&) const = default;
};

/// Text of one tone.
struct Phrase {
  std::string text;
  Tone tone = Tone::plain;
};

/// How many columns `text` takes: one for each character of UTF-8.
[[nodiscard]] std::size_t columns(std::string_view text);

/// `text` in the colour of its tone; unchanged if colours are off.
[[nodiscard]] std::string toned(std::string_view text, Tone tone, const Style& style);

/// `text` in lines that are `width` wide at most (0: of any width), broken at blanks; a word that
/// is wider stays whole, so that a path can be copied. Blanks in front are kept, and go before each
/// line.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// A paragraph: `first` before its first line, and as many blanks before the others.
[[nodiscard]] std::string paragraph(std::string_view first, const Phrase& text, const Style& style);

/// A cell of a table: lines one below the other.
class Cell {
 public:
  Cell(std::string text, Tone tone = Tone::plain) { lines_.push_back({std::move(text), tone}); }
  Cell(const char* text, Tone tone = Tone::plain) : Cell(std::string(text), tone) {}
  Cell(std::vector<Phrase> lines) : lines_(std::move(lines)) {}

  [[nodiscard]] const std::vector<Phrase>& lines() const { return lines_; }

 private:
  std::vector<Phrase> lines_;
};

/// Rows below titles. Where they do not fit side by side, cells are broken into more lines; where
/// even their longest words do not fit, each row becomes a list of its titles and cells.
class Table {
 public:
  explicit Table(std::vector<std::string> titles, std::size_t indent = 0)
      : titles_(std::move(titles)), indent_(indent) {}

  /// As many cells as there are titles.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string str(const Style& style) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t available) const;
  [[nodiscard]] std::string side_by_side(const std::vector<std::size_t>& widths,
                                         const Style& style) const;
  [[nodiscard]] std::string stacked(const Style& style) const;

  std::vector<std::string> titles_;
  std::size_t indent_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace vfio_switch
