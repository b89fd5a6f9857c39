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
  CHECK(found->gives_to_vfio);
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
  CHECK_FALSE(found->gives_to_vfio);
}

TEST_CASE("A pattern may be about any function, and giving back is no giving") {
  const auto loop =
      find_override_setter("/d",
                           "# 01:00.0\nfor i in /sys/bus/pci/devices/0000:01:00.*; do\n"
                           "echo vfio-pci >$i/driver_override\necho 0000:02:00.0 >>/log\ndone\n");
  REQUIRE(loop);
  CHECK(loop->concerns(at("03:00.0")));
  CHECK(loop->gives_to_vfio);
  const auto back =
      find_override_setter("/e",
                           "echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override\n"
                           "echo 0000:01:00.0 >/sys/bus/pci/drivers/vfio-pci/unbind\n");
  REQUIRE(back);
  CHECK_FALSE(back->gives_to_vfio);
  CHECK_FALSE(
      find_override_setter("/f", "vfio-pci\necho nvidia >driver_override\n")->gives_to_vfio);
}

TEST_CASE("Comments, and files without the word, set nothing") {
  CHECK_FALSE(find_override_setter("/c", ""));
  CHECK_FALSE(find_override_setter("/c", "  # driver_override\n; driver_override\n"));
  CHECK_FALSE(find_override_setter("/c", "modprobe vfio-pci\n"));
}

}  // namespace vfio_switch
