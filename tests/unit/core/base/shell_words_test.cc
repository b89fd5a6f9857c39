// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/shell_words.h"

#include <string_view>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("A comment begins outside quotes, where a word could begin") {
  struct Row {
    std::string_view line;
    std::string_view rest;
  };
  const Row rows[] = {
      {"A=\"quiet\" # b=c", "A=\"quiet\" "},
      {"A=quiet\t#b=c", "A=quiet\t"},
      {"# A=quiet", ""},
      {"A=quiet#b", "A=quiet#b"},
      {"A=\"quiet # b\" # c", "A=\"quiet # b\" "},
      {"A='quiet \" # b' # c", "A='quiet \" # b' "},
      {"A=\"a \\\" # b\"", "A=\"a \\\" # b\""},
      {"A=\"quiet", "A=\"quiet"},
      {"A=x;# b", "A=x;"},
      {"", ""},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    CHECK(without_comment(row.line) == row.rest);
  }
}

}  // namespace vfio_switch
