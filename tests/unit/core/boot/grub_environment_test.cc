// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_environment.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("A grubenv is read as GRUB reads it") {
  const std::string first = "# GRUB Environment Block\n";
  using Environment = GrubEnvironment;
  const auto parsed = [&](const std::string& rest) { return parse_grub_environment(first + rest); };
  CHECK(parsed("saved_entry=a>b\nboot_success=1\n######") ==
        Environment{{"saved_entry", "a>b"}, {"boot_success", "1"}});
  CHECK(parsed("# WARNING: Do not edit\nnext_entry=\n###") == Environment{{"next_entry", ""}});
  CHECK(parsed("a=one\\\ntwo\\\\\nb=2\n#") == Environment{{"a", "one\ntwo\\"}, {"b", "2"}});
  CHECK(parsed("a=1\na=2\n") == Environment{{"a", "2"}});
  CHECK(parsed("a=1\nb=cut off") == Environment{{"a", "1"}});
  CHECK(parsed("a=1\nb=cut off\\") == Environment{{"a", "1"}});
  CHECK(parsed("kernelopts=root=UUID=1 ro\n#") == Environment{{"kernelopts", "root=UUID=1 ro"}});
  CHECK(parsed("") == Environment{});
  CHECK_FALSE(parse_grub_environment(""));
  CHECK_FALSE(parse_grub_environment("saved_entry=a\n"));
}

}  // namespace vfio_switch
