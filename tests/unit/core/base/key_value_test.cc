// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/key_value.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

using test::error_of;
using test::has_text;
using test::value_of;

TEST_CASE("A file of keys and values gives each entry with its line") {
  const auto entries = value_of(parse_key_values("test.conf",
                                                 "# a comment\n"
                                                 "\n"
                                                 "a = b\n"
                                                 "  key=value with = and # in it  \r\n"
                                                 "empty =\n"
                                                 "a = again"));
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].key == "a");
  CHECK(entries[0].value == "b");
  CHECK(entries[0].line == 3);
  CHECK(entries[1].key == "key");
  CHECK(entries[1].value == "value with = and # in it");
  CHECK(entries[1].line == 4);
  CHECK(entries[2].key == "empty");
  CHECK(entries[2].value.empty());
  CHECK(entries[3].line == 6);
  CHECK(value_of(parse_key_values("test.conf", "")).empty());
}

TEST_CASE("A line that is no key and value is named with its file, its number and a remedy") {
  for (const std::string line : {"nonsense", "= value", "="}) {
    INFO(line);
    const auto error = error_of(parse_key_values("/etc/test.conf", "a = b\n\n" + line + "\n"));
    CHECK(error.kind == ErrorKind::usage);
    CHECK_THAT(error.message, has_text("/etc/test.conf:3: "));
    CHECK_THAT(error.message, has_text(line));
    CHECK_THAT(error.remedy, has_text("line 3 of /etc/test.conf"));
  }
}

TEST_CASE("An error about a key never sends control characters to the terminal") {
  const auto error = error_of(parse_key_values("test.conf", "\x1b[2J"));
  CHECK_THAT(error.message, has_text("?[2J"));
  CHECK(error.message.find('\x1b') == std::string::npos);
}

}  // namespace vfio_switch
