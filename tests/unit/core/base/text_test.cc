// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/text.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.h"

namespace vfio_switch {

using namespace std::string_view_literals;

namespace {

using Views = std::vector<std::string_view>;

}  // namespace

TEST_CASE("Versions are ordered by number, not by letter") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"6.1.0-9-amd64", "6.1.0-10-amd64"},
      {"6.1.0-9", "6.1.0-10"},
      {"6.1.0-56-amd64", "6.12.117+deb12-amd64"},
      {"5.10.0-30-amd64", "6.1.0-1-amd64"},
      {"6.1.0-56-amd64", "6.1.0-56-amd64-nvidia"},
      {"6.1.0-56-amd64", "6.1.0-57"},
      {"6.9.9-arch1-1", "6.10.0-arch1-1"},
      {"6.1", "6.1.1"},
      {"", "1"},
      {"99999999999999999999998", "99999999999999999999999"},  // no number is too large
      {"007", "8"},
  };
  for (const auto& [less, greater] : rows) {
    INFO(less << " and " << greater);
    CHECK(version_less(less, greater));
    CHECK_FALSE(version_less(greater, less));
    CHECK_FALSE(version_less(less, less));
  }
}

TEST_CASE("Blanks and line ends are trimmed from both ends") {
  CHECK(trim("  a b\t\r\n") == "a b");
  CHECK(trim("a") == "a");
  CHECK(trim(" \t\r\n").empty());
  CHECK(trim("").empty());
}

TEST_CASE("A text is split at its line ends, and the last line may lack one") {
  CHECK(split_lines(""sv).empty());
  CHECK(split_lines("a"sv) == Views{"a"});
  CHECK(split_lines("a\n"sv) == Views{"a"});
  CHECK(split_lines("a\n\nb"sv) == Views{"a", "", "b"});
  CHECK(split_lines("\n"sv) == Views{""});
  CHECK(split_lines("a\r\nb"sv) == Views{"a\r", "b"});
}

TEST_CASE("A text is split into words, and no word is empty") {
  CHECK(split_words(""sv).empty());
  CHECK(split_words("   "sv).empty());
  CHECK(split_words(" a\tb  c "sv) == Views{"a", "b", "c"});
  CHECK(split_words("a,b,,c"sv, ",") == Views{"a", "b", "c"});
  CHECK(split_words("a\nb"sv) == Views{"a\nb"});
}

TEST_CASE("Lists are joined for programs, and enumerated for people") {
  CHECK(join({}, ",").empty());
  CHECK(join({"a"}, ",") == "a");
  CHECK(join({"a", "b", "c"}, ", ") == "a, b, c");
  CHECK(enumerate({}).empty());
  CHECK(enumerate({"a"}) == "a");
  CHECK(enumerate({"a", "b"}) == "a and b");
  CHECK(enumerate({"a", "b", "c"}) == "a, b and c");
  CHECK(enumerate({"a"}, Conjunction::one_of) == "a");
  CHECK(enumerate({"a", "b", "c"}, Conjunction::one_of) == "a, b or c");
}

TEST_CASE("Hex numbers are read whole or not at all") {
  CHECK(parse_hex("0") == 0U);
  CHECK(parse_hex("10De") == 0x10deU);
  CHECK(parse_hex("ffffffff") == 0xffffffffU);
  for (const std::string_view text : {"", "0x1", "g", "1 ", " 1", "-1", "+1", "100000000", "1g"}) {
    INFO("'" << text << "'");
    CHECK_FALSE(parse_hex(text));
  }
  CHECK(to_hex(0, 4) == "0000");
  CHECK(to_hex(0x10de, 4) == "10de");
  CHECK(to_hex(0x12345, 4) == "12345");
  CHECK(to_hex(0xffffffff, 1) == "ffffffff");
}

TEST_CASE("Text from outside cannot move the cursor") {
  CHECK(printable("a\x1b[2Jb\r\n\tc\x7f") == "a?[2Jb???c?");
  CHECK(printable("Grafikkarte \xc3\xa4") == "Grafikkarte \xc3\xa4");
  CHECK(printable(std::string_view("\0x", 2)) == "?x");
  CHECK(printable("a\xff\xc3") == "a??");
  CHECK(printable("\xe0\x80\x80\xed\xa0\x80") == "??????");  // overlong, and half a surrogate pair
  CHECK(printable("\xf0\x9f\x96\xa5") == "\xf0\x9f\x96\xa5");
}

TEST_CASE("Lower case is that of ASCII") {
  CHECK(lower_case("EFI/Linux/ARCH-6.1_Z.efi") == "efi/linux/arch-6.1_z.efi");
  CHECK(lower_case("\xc3\x84@[`{") == "\xc3\x84@[`{");
  CHECK(lower_case("") == "");
}

}  // namespace vfio_switch
