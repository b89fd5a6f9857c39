// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/override_setter.h"

#include <string>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;

TEST_CASE("A script that writes to driver_override is found, with the functions that it names") {
  const auto found = find_override_setter(
      "/a",
      "#!/bin/sh\n# driver_override\necho vfio-pci >/sys/bus/pci/devices/0000:01:00.0/"
      "driver_override\nfor i in 01:00.1 10de:1d01; do :; done\n");
  REQUIRE(found);
  CHECK(found->where == Place{"/a", 3});
  CHECK(found->names_vfio);
  CHECK(found->devices == std::set{at("01:00.0"), at("01:00.1")});
  CHECK(found->concerns(at("01:00.1")));
  CHECK_FALSE(found->concerns(at("02:00.0")));
}

TEST_CASE("One that names no function may be about any") {
  const auto found =
      find_override_setter("/b", R"(ATTR{vendor}=="0x10de", ATTR{driver_override}="nouveau")"
                                 "\n");
  REQUIRE(found);
  CHECK(found->devices.empty());
  CHECK(found->concerns(at("02:00.0")));
  CHECK_FALSE(found->names_vfio);
}

TEST_CASE("Comments, and files without the word, set nothing") {
  CHECK_FALSE(find_override_setter("/c", ""));
  CHECK_FALSE(find_override_setter("/c", "  # driver_override\n; driver_override\n"));
  CHECK_FALSE(find_override_setter("/c", "modprobe vfio-pci\n"));
}

}  // namespace vfio_switch
