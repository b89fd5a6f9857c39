// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/sysfs.h"

#include "catch.h"
#include "system/temporary_root.h"

namespace vfio_switch {

TEST_CASE("a device is known by the name that the kernel gives it, and once") {
  const test::TemporaryRoot root;
  const std::string devices = "/sys/bus/pci/devices/";
  for (const auto* name : {"0000:01:00.0", "000000:01:00.0", "01:00.0", "0000:0A:00.0"}) {
    root.write(devices + name + "/class", "0x030000\n");
  }
  const auto reader = root.reader();
  ForeignFiles foreign(*reader);
  const auto found = read_pci_devices(foreign);
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->front().address == PciAddress{0, 1, 0, 0});
}

}  // namespace vfio_switch
