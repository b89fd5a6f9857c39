// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/display_config.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;

TEST_CASE("The card that an xorg.conf names is read from its BusID") {
  struct Row {
    std::string line;
    std::vector<PciAddress> addresses;
  };
  const Row rows[] = {
      {"  BusID \"PCI:1:0:0\"", {at("01:00.0")}},
      {"\tBusID\t\"PCI:10:0:1\"\r", {at("0a:00.1")}},  // decimal, unlike lspci
      {"BusID \"PCI:1@2:0:0\"", {at("0002:01:00.0")}},
      {"busid \"PCI:1:0:0\"", {at("01:00.0")}},
      {"#BusID \"PCI:1:0:0\"", {}},
      {"# BusID \"PCI:1:0:0\"", {}},
      {"Driver \"nvidia\"", {}},
      {"BusID \"PCI:256:0:0\"", {}},
      {"BusID \"PCI:1:32:0\"", {}},
      {"BusID \"PCI:1:0:8\"", {}},
      {"BusID \"PCI:1:0:x\"", {}},
      {"BusID \"PCI::0:0\"", {}},
      {"BusID \"\"", {}},
      {"BusID", {}},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    const auto claims = parse_xorg_config("/etc/X11/xorg.conf", "\n" + row.line + "\n");
    std::vector<PciAddress> found;
    for (const auto& claim : claims) {
      found.push_back(claim.address);
      CHECK(claim.where == Place{"/etc/X11/xorg.conf", 2});
    }
    CHECK(found == row.addresses);
  }
}

TEST_CASE("A BusID is read as the X server reads it: in any case, and without a function") {
  for (const std::string line : {"BusID \"pci:1:0:0\"", "BusID \"PCI:1:0\""}) {
    INFO(line);
    const auto claims = parse_xorg_config("/etc/X11/xorg.conf", line);
    REQUIRE(claims.size() == 1);
    CHECK(claims[0].address == at("01:00.0"));
  }
}

TEST_CASE("The card that is attached to a seat is read from the udev rule") {
  const std::string file = "/etc/udev/rules.d/72-seat-drm-pci-0000_01_00_0.rules";
  const auto claims = parse_seat_rules(
      file,
      "# ENV{ID_SEAT}=\"seat1\", ENV{ID_FOR_SEAT}==\"drm-pci-0000_05_00_0\"\n"
      "TAG==\"seat\", ENV{ID_FOR_SEAT}==\"drm-pci-0000_01_00_0\", ENV{ID_SEAT}=\"seat1\"\n"
      "TAG==\"seat\", ENV{ID_FOR_SEAT}==\"usb-pci-0000_00_14_0-usb-0_1\", ENV{ID_SEAT}=\"seat1\"\n"
      "TAG==\"seat\", ENV{ID_FOR_SEAT}==\"drm-pci-0000_06_00_0\"\n"
      "TAG==\"seat\", ENV{ID_FOR_SEAT}==\"drm-pci-0000_01\", ENV{ID_SEAT}=\"seat1\"\n"
      "ENV{ID_SEAT}=\"seat1\", ENV{ID_FOR_SEAT}==\"drm-pci-\n");
  REQUIRE(claims.size() == 2);
  CHECK(claims[0].address == at("01:00.0"));
  CHECK(claims[0].where == Place{file, 2});
  CHECK(claims[1].address == at("00:14.0"));
  CHECK(parse_seat_rules(file, "").empty());
}

}  // namespace vfio_switch
