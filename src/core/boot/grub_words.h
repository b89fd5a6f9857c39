// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string_view>

#include "core/boot/grub_syntax.h"

namespace vfio_switch {

enum class GrubToken {
  word,
  separator,  ///< a line's end or a semicolon
  open,       ///< '{'
  close,      ///< '}'
  bad,        ///< a quote or an expansion that stays open, or a character that GRUB takes for none
  end,
};

/// The tokens of GRUB's scripting language, one at a time (GRUB's script/yylex.l).
class GrubWords {
 public:
  explicit GrubWords(std::string_view text) : text_(text) { advance(); }

  [[nodiscard]] bool at_end() const { return token_ == GrubToken::end; }
  [[nodiscard]] bool is(GrubToken token) const { return token_ == token; }
  /// The line at which the token begins.
  [[nodiscard]] int line() const { return token_line_; }
  /// The text of a word that has neither quotes nor variables; empty: it is none.
  [[nodiscard]] std::string_view bare_word() const;

  void advance();
  /// The word that the token is. Moves on.
  GrubWord take_word();
  /// Moves on if the token is `token`.
  bool take(GrubToken token);
  /// Moves to the end of the line in which the token ends.
  void skip_line();

 private:
  void skip_blanks();
  void read_word();
  void read_quoted();
  void read_variable(bool quoted);
  void add_text(std::string_view text, bool quoted);
  /// What stands before the first of `ends`, and moves there.
  std::string_view take_until(std::string_view ends);
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  int token_line_ = 1;
  GrubToken token_ = GrubToken::end;
  GrubWord word_;
};

}  // namespace vfio_switch
