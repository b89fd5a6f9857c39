// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/shell_words.h"

#include <algorithm>
#include <array>

namespace vfio_switch {

namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

bool ends_word(char c) {
  return std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos;
}

/// Words after which another command begins.
bool is_transparent(std::string_view word) {
  constexpr std::array<std::string_view, 9> words = {"export", "then", "else", "do",   "{",
                                                     "!",      "if",   "elif", "while"};
  return std::ranges::find(words, word) != words.end();
}

class Scanner {
 public:
  explicit Scanner(std::string_view script) : script_(script) {}

  std::optional<std::vector<ShellAssignment>> run() {
    while (position_ < script_.size()) {
      const char c = script_[position_];
      if (c == '\n') {
        line_ = position_ + 1;
        expects_command_ = true;
        ++position_;
      } else if (continues_line()) {
        position_ += 2;
        line_ = position_;
      } else if (c == '#') {
        position_ = std::min(script_.find('\n', position_), script_.size());
      } else if (ends_word(c)) {
        if (c != ' ' && c != '\t') expects_command_ = c != '<' && c != '>';
        ++position_;
      } else if (!take_word()) {
        return std::nullopt;
      }
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool continues_line() const { return script_.substr(position_, 2) == "\\\n"; }

  /// Takes an assignment or another word.
  bool take_word() {
    const auto begin = position_;
    ShellAssignment assignment;
    const bool assigns = expects_command_ && take_name(assignment);
    if (!take_segments(assignment.segments)) return false;
    if (assigns) {
      assignment.end = position_;
      found_.push_back(std::move(assignment));
      return true;
    }
    expects_command_ = expects_command_ && is_transparent(script_.substr(begin, position_ - begin));
    return true;
  }

  bool take_name(ShellAssignment& assignment) {
    auto end = position_;
    if (!is_name_start(script_[end])) return false;
    while (end < script_.size() && is_name(script_[end])) ++end;
    const auto name = script_.substr(position_, end - position_);
    assignment.appends = script_.substr(end, 2) == "+=";
    if (assignment.appends) ++end;
    if (end >= script_.size() || script_[end] != '=') return false;
    assignment.name = name;
    assignment.line = line_;
    assignment.value = position_ = end + 1;
    return true;
  }

  bool take_segments(std::vector<ShellSegment>& segments) {
    while (position_ < script_.size() && !ends_word(script_[position_])) {
      const auto begin = position_;
      const char c = script_[position_];
      auto quoting = Quoting::none;
      if (c == '\'') {
        quoting = Quoting::single_quotes;
        const auto end = script_.find('\'', position_ + 1);
        if (end == std::string_view::npos) return false;
        position_ = end + 1;
      } else if (c == '"') {
        quoting = Quoting::double_quotes;
        if (!skip_double_quotes()) return false;
      } else if (!skip_plain()) {
        return false;
      }
      const bool joins =
          quoting == Quoting::none && !segments.empty() && segments.back().quoting == Quoting::none;
      if (joins) {
        segments.back().end = position_;
      } else {
        segments.push_back({quoting, begin, position_});
      }
    }
    return true;
  }

  /// One character outside quotes, or an expansion.
  bool skip_plain() {
    if (script_[position_] == '\\') {
      position_ += 2;
      return position_ <= script_.size();
    }
    if (script_[position_] == '$' || script_[position_] == '`') return skip_expansion();
    ++position_;
    return true;
  }

  bool skip_double_quotes() {
    for (++position_; position_ < script_.size();) {
      const char c = script_[position_];
      if (c == '"') {
        ++position_;
        return true;
      }
      if (c == '\\') {
        position_ += 2;
      } else if (c == '$' || c == '`') {
        if (!skip_expansion()) return false;
      } else {
        ++position_;
      }
    }
    return false;
  }

  /// `$NAME`, `${...}`, `$(...)` or a command between backquotes.
  bool skip_expansion() {
    const auto opening = script_.substr(position_, 2);
    if (opening == "${") return skip_to('}', 2);
    if (opening == "$(") return skip_to(')', 2);
    if (opening.front() == '`') return skip_to('`', 1);
    ++position_;
    return true;
  }

  bool skip_to(char closing, std::size_t opening_size) {
    constexpr int deepest = 50;
    if (depth_ == deepest) return false;
    ++depth_;
    position_ += opening_size;
    bool closed = false;
    while (position_ < script_.size() && !closed) {
      const char c = script_[position_];
      closed = c == closing;
      if (closed) {
        ++position_;
      } else if (c == '\'' && closing != '`') {
        const auto end = script_.find('\'', position_ + 1);
        if (end == std::string_view::npos) break;
        position_ = end + 1;
      } else if (c == '"' ? !skip_double_quotes() : !skip_nested(closing)) {
        break;
      }
    }
    --depth_;
    return closed;
  }

  bool skip_nested(char closing) {
    if (script_[position_] != '(' || closing != ')') return skip_plain();
    return skip_to(')', 1);
  }

  std::string_view script_;
  std::size_t position_ = 0;
  std::size_t line_ = 0;
  int depth_ = 0;
  bool expects_command_ = true;
  std::vector<ShellAssignment> found_;
};

}  // namespace

std::optional<std::vector<ShellAssignment>> find_assignments(std::string_view script) {
  return Scanner(script).run();
}

std::string_view without_comment(std::string_view line) {
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'') {
      ++i;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && (i == 0 || ends_word(line[i - 1]))) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string unquoted(std::string_view script, const ShellAssignment& assignment) {
  std::string text;
  for (const auto& segment : assignment.segments) {
    auto raw = script.substr(segment.begin, segment.end - segment.begin);
    if (segment.quoting != Quoting::none) raw = raw.substr(1, raw.size() - 2);
    if (segment.quoting == Quoting::single_quotes) {
      text += raw;
      continue;
    }
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const bool escapes =
          raw[i] == '\\' && i + 1 < raw.size() &&
          (segment.quoting == Quoting::none ||
           std::string_view("\"\\$`\n").find(raw[i + 1]) != std::string_view::npos);
      if (escapes && raw[i + 1] == '\n') {
        ++i;
        continue;
      }
      if (escapes) ++i;
      text += raw[i];
    }
  }
  return text;
}

}  // namespace vfio_switch
