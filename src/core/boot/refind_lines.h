// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// A line of one of rEFInd's files: at least one word.
struct RefindLine {
  std::vector<std::string> words;
  int line = 0;  ///< from 1
};

/// The words of a text as rEFInd takes it apart (config.c, ReadTokenLine): blanks, '=' and ',' part
/// them, '#' begins a comment, and slashes outside quotes become backslashes.
[[nodiscard]] std::vector<RefindLine> refind_lines(std::string_view text);

/// "EFI\Linux" of "/EFI//Linux/", as rEFInd compares paths.
[[nodiscard]] std::string refind_path(std::string_view path);

}  // namespace vfio_switch
