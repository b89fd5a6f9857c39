// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pci/pci.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("A PCI address is read with and without its domain") {
  struct Row {
    std::string_view text;
    PciAddress address;
  };
  const Row rows[] = {
      {"01:00.0", {0, 0x01, 0x00, 0}},
      {"0000:01:00.0", {0, 0x01, 0x00, 0}},
      {"0001:01:00.1", {1, 0x01, 0x00, 1}},
      {"ff:1f.7", {0, 0xff, 0x1f, 7}},
      {"FF:1F.7", {0, 0xff, 0x1f, 7}},
      {"0000:c1:00.0", {0, 0xc1, 0x00, 0}},
      {"10000:e0:06.0", {0x10000, 0xe0, 0x06, 0}},  // behind a VMD controller
      {"100001:e0:06.0", {0x100001, 0xe0, 0x06, 0}},
      {"1000001:e0:06.0", {0x1000001, 0xe0, 0x06, 0}},
      {"ffffffff:e0:06.0", {0xffffffff, 0xe0, 0x06, 0}},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(PciAddress::parse(row.text) == row.address);
  }
}

TEST_CASE("What is no PCI address is not read as one") {
  const std::string_view rows[] = {
      "",
      "1:00.0",  // a bus has two digits
      "001:00.0",
      "01:0.0",   // and so has a device
      "01:20.0",  // a bus has 32 devices
      "01:00.8",  // of 8 functions
      "01:00.a",
      "01:00",
      "01:00.",
      "01:00.00",
      "01:00.0 ",
      " 01:00.0",
      "01:00.0x",
      "01.00.0",
      "0x01:00.0",
      "000:01:00.0",        // a domain has at least four digits
      "100000000:01:00.0",  // and at most eight
      "-001:01:00.0",
      ":01:00.0",
      "0000:01:00.0:1",
      "0000:0000:01:00.0",
      "10de:2d04",
      "000g:01:00.0",
      "0000:01:00.0\n",
  };
  for (const auto row : rows) {
    INFO("'" << row << "'");
    CHECK_FALSE(PciAddress::parse(row));
  }
}

TEST_CASE("A PCI address is printed with its domain, and read back the same") {
  struct Row {
    PciAddress address;
    std::string_view text;
  };
  const Row rows[] = {
      {{0, 0x01, 0x00, 0}, "0000:01:00.0"},        {{0, 0xc1, 0x1f, 7}, "0000:c1:1f.7"},
      {{1, 0x01, 0x00, 0}, "0001:01:00.0"},        {{0x10000, 0xe0, 0x06, 0}, "10000:e0:06.0"},
      {{0xffffffff, 0, 0, 0}, "ffffffff:00:00.0"},
  };
  for (const auto& row : rows) {
    CHECK(row.address.str() == row.text);
    CHECK(PciAddress::parse(row.text) == row.address);
  }
}

TEST_CASE("PCI addresses sort by domain, bus, device and function") {
  const std::string_view sorted[] = {"0000:01:00.0", "0000:01:00.1", "0000:01:01.0",
                                     "0000:02:00.0", "0001:00:00.0", "10000:00:00.0"};
  for (std::size_t i = 1; i < std::size(sorted); ++i) {
    CHECK(*PciAddress::parse(sorted[i - 1]) < *PciAddress::parse(sorted[i]));
  }
}

TEST_CASE("Two functions are in one slot if only their function differs") {
  const auto gpu = *PciAddress::parse("01:00.0");
  CHECK(gpu.same_slot(*PciAddress::parse("01:00.1")));
  CHECK_FALSE(gpu.same_slot(*PciAddress::parse("01:01.0")));
  CHECK_FALSE(gpu.same_slot(*PciAddress::parse("02:00.0")));
  CHECK_FALSE(gpu.same_slot(*PciAddress::parse("0001:01:00.0")));
}

TEST_CASE("An id pair is read in either case and printed in lower case") {
  CHECK(PciId::parse("10de:2d04") == PciId{0x10de, 0x2d04});
  CHECK(PciId::parse("10DE:2D04") == PciId{0x10de, 0x2d04});
  CHECK(PciId{0x10de, 0x2d04}.str() == "10de:2d04");
  CHECK(PciId{0x1, 0x2}.str() == "0001:0002");
  for (const std::string_view text :
       {"", "10de", "10de:", "10de:2d4", "10de:2d041", "10de-2d04", "10de:2d04 ", "0x10de:2d04",
        "10de:2d04:1458", "10dg:2d04", "0de:2d04", "01:00.0"}) {
    INFO("'" << text << "'");
    CHECK_FALSE(PciId::parse(text));
  }
}

TEST_CASE("A class code says what a function is") {
  struct Row {
    std::uint32_t code;
    bool display, pci_bridge, bridge;
  };
  const Row rows[] = {
      {0x030000, true, false, false},   // VGA
      {0x030200, true, false, false},   // 3D controller
      {0x038000, true, false, false},   // other display
      {0x040300, false, false, false},  // audio
      {0x060000, false, false, true},   // host bridge
      {0x060400, false, true, true},    // PCI-to-PCI bridge
      {0x060401, false, true, true},    // its subtractive kind
      {0x060100, false, false, false},  // ISA bridge: a device like any other
      {0x068000, false, false, false},  // NVSwitch
      {0x108000, false, false, false},  // the security processor of an APU
  };
  for (const auto& row : rows) {
    const PciClass device_class{row.code};
    INFO(device_class.str());
    CHECK(device_class.is_display() == row.display);
    CHECK(device_class.is_pci_bridge() == row.pci_bridge);
    CHECK(device_class.is_bridge() == row.bridge);
  }
  CHECK(PciClass{0x030000}.str() == "0x030000");
  CHECK(PciClass{0x0c0330}.subclass() == 0x0c03);
}

TEST_CASE("A modalias is read as the kernel spells it") {
  CHECK(parse_modalias("pci:v000010DEd00001D01sv00001458sd0000376Dbc03sc00i00") ==
        PciIdentity{{0x10de, 0x1d01}, {0x1458, 0x376d}, {0x030000}});
  CHECK(parse_modalias("pci:v00008086d0000A12Fsv00000000sd00000000bc0Csc03i30") ==
        PciIdentity{{0x8086, 0xa12f}, {0, 0}, {0x0c0330}});
}

TEST_CASE("What is no whole PCI modalias is none") {
  CHECK_FALSE(parse_modalias(""));
  CHECK_FALSE(parse_modalias("usb:v1D6Bp0002d0601dc09dsc00dp01ic09isc00ip00in00"));
  CHECK_FALSE(parse_modalias("pci:v000010DEd00001D01sv00001458sd0000376Dbc03sc00i0"));
  CHECK_FALSE(parse_modalias("pci:v000010DEd00001D01sv00001458sd0000376Dbc03sc00i000"));
  CHECK_FALSE(parse_modalias("pci:v000010DEd*sv*sd*bc03sc*i*"));
}

}  // namespace vfio_switch
