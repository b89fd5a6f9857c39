// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace vfio_switch {

/// Part of a word: literal text, or the name of a variable.
struct GrubPiece {
  std::string text;
  bool is_variable = false;
  bool is_quoted = false;  ///< a quoted variable is not split at blanks; quoted text makes a word

  bool operator==(const GrubPiece&) const = default;
};

struct GrubWord {
  std::vector<GrubPiece> pieces;

  bool operator==(const GrubWord&) const = default;
};

struct GrubStatement;
using GrubScript = std::vector<GrubStatement>;

/// A condition and what is run where it holds.
struct GrubBranch {
  GrubScript condition;  ///< its last command decides; empty: an `else`
  GrubScript body;

  bool operator==(const GrubBranch&) const;
};

/// A statement of GRUB's scripting language.
struct GrubStatement {
  enum class Kind {
    command,      ///< `words`, and `body` where a block is its last argument
    conditional,  ///< `branches`, the first that holds
    loop,         ///< `for`: words[0] is the variable; `while`, `until`: a condition in branches[0]
    function,     ///< words[0] is the name
  };

  Kind kind = Kind::command;
  int line = 0;  ///< from 1
  std::vector<GrubWord> words = {};
  std::vector<GrubBranch> branches = {};
  GrubScript body = {};
  bool has_body = false;

  bool operator==(const GrubStatement&) const = default;
};

// NOLINTNEXTLINE(readability-redundant-inline-specifier): out of the class it is not implied
inline bool GrubBranch::operator==(const GrubBranch&) const = default;

struct GrubParse {
  GrubScript script;
  /// The lines at which statements begin that could not be understood. GRUB reports such a
  /// statement and goes on with the next line.
  std::vector<int> bad_lines;
};

}  // namespace vfio_switch
