// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_script.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/boot/grub_words.h"

namespace vfio_switch {

namespace {

using Kind = GrubStatement::Kind;

/// Deeper nesting is a statement that is not understood: no menu needs it, and the stack is finite.
constexpr int deepest = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : words_(text) {}

  GrubParse run() {
    GrubParse parse;
    for (;;) {
      skip_separators();
      if (words_.at_end()) break;
      const int line = words_.line();
      failed_ = false;
      auto statement = parse_statement(0);
      if (!failed_ && !ends_here()) failed_ = true;
      if (failed_) {
        parse.bad_lines.push_back(line);
        words_.skip_line();
      } else {
        parse.script.push_back(std::move(statement));
      }
    }
    return parse;
  }

 private:
  void skip_separators() {
    while (words_.take(GrubToken::separator)) {
    }
  }

  bool ends_here() {
    return words_.at_end() || words_.is(GrubToken::separator) || words_.is(GrubToken::close);
  }

  /// True, and moves on, if the next token is the bare word `word`.
  bool take_word(std::string_view word) {
    if (words_.bare_word() != word) return false;
    words_.advance();
    return true;
  }

  void expect_word(std::string_view word) {
    if (!take_word(word)) failed_ = true;
  }

  /// Statements up to one of `ends`, which stays.
  template <std::size_t N>
  GrubScript parse_until(const std::array<std::string_view, N>& ends, int depth) {
    GrubScript script;
    for (;;) {
      skip_separators();
      if (failed_) return script;
      if (words_.at_end() || words_.is(GrubToken::close)) {
        failed_ = true;
        return script;
      }
      if (std::ranges::find(ends, words_.bare_word()) != ends.end()) return script;
      script.push_back(parse_statement(depth));
      if (!failed_ && !ends_here()) failed_ = true;
    }
  }

  GrubScript parse_block(int depth) {
    GrubScript script;
    words_.advance();  // the opening brace
    for (;;) {
      skip_separators();
      if (failed_ || words_.at_end()) {
        failed_ = true;
        return script;
      }
      if (words_.take(GrubToken::close)) return script;
      script.push_back(parse_statement(depth));
      if (!failed_ && !ends_here()) failed_ = true;
    }
  }

  GrubStatement parse_statement(int depth) {
    GrubStatement statement;
    statement.line = words_.line();
    if (depth > deepest) {
      failed_ = true;
      return statement;
    }
    if (take_word("if")) {
      parse_if(statement, depth + 1);
    } else if (take_word("for")) {
      parse_for(statement, depth + 1);
    } else if (words_.bare_word() == "while" || words_.bare_word() == "until") {
      words_.advance();
      parse_while(statement, depth + 1);
    } else if (take_word("function")) {
      parse_function(statement, depth + 1);
    } else {
      parse_command(statement, depth + 1);
    }
    return statement;
  }

  GrubBranch parse_branch(int depth) {
    constexpr std::array<std::string_view, 1> then = {"then"};
    constexpr std::array<std::string_view, 3> ends = {"elif", "else", "fi"};
    GrubBranch branch;
    branch.condition = parse_until(then, depth);
    if (branch.condition.empty()) failed_ = true;
    expect_word("then");
    branch.body = parse_until(ends, depth);
    return branch;
  }

  void parse_if(GrubStatement& statement, int depth) {
    constexpr std::array<std::string_view, 1> fi = {"fi"};
    statement.kind = Kind::conditional;
    statement.branches.push_back(parse_branch(depth));
    while (!failed_ && take_word("elif")) statement.branches.push_back(parse_branch(depth));
    if (!failed_ && take_word("else")) {
      statement.branches.push_back({{}, parse_until(fi, depth)});
    }
    expect_word("fi");
  }

  void parse_for(GrubStatement& statement, int depth) {
    statement.kind = Kind::loop;
    take_argument(statement);
    expect_word("in");
    while (words_.is(GrubToken::word)) take_argument(statement);
    parse_loop_body(statement, depth);
  }

  void parse_while(GrubStatement& statement, int depth) {
    constexpr std::array<std::string_view, 1> ends = {"do"};
    statement.kind = Kind::loop;
    statement.branches.push_back({parse_until(ends, depth), {}});
    parse_loop_body(statement, depth);
  }

  void parse_loop_body(GrubStatement& statement, int depth) {
    constexpr std::array<std::string_view, 1> done = {"done"};
    skip_separators();
    expect_word("do");
    statement.body = parse_until(done, depth);
    expect_word("done");
  }

  void parse_function(GrubStatement& statement, int depth) {
    statement.kind = Kind::function;
    take_argument(statement);
    skip_separators();
    if (!words_.is(GrubToken::open)) {
      failed_ = true;
      return;
    }
    statement.body = parse_block(depth);
  }

  void parse_command(GrubStatement& statement, int depth) {
    if (!words_.is(GrubToken::word)) failed_ = true;
    while (words_.is(GrubToken::word)) take_argument(statement);
    if (!failed_ && words_.is(GrubToken::open)) {
      statement.has_body = true;
      statement.body = parse_block(depth);
    }
  }

  void take_argument(GrubStatement& statement) {
    if (!words_.is(GrubToken::word)) {
      failed_ = true;
      return;
    }
    statement.words.push_back(words_.take_word());
  }

  GrubWords words_;
  bool failed_ = false;
};

}  // namespace

GrubParse parse_grub_script(std::string_view text) {
  return Parser(text).run();
}

}  // namespace vfio_switch
