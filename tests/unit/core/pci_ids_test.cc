// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pci_ids.h"

#include "catch.h"

namespace vfio_switch {

namespace {

constexpr std::string_view database =
    "# List of PCI ID's\n"
    "\n"
    "1002  Advanced Micro Devices, Inc. [AMD/ATI]\n"
    "\t1d01  not NVIDIA's\n"
    "10de  NVIDIA Corporation\n"
    "# a comment between them\n"
    "\t0fb8  GP108 High Definition Audio Controller\n"
    "\t1d01  GP108 [GeForce GT 1030]\n"
    "\t\t1d01 376d  GV-N1030D4-2GL\n"
    "8086  Intel Corporation\r\n"
    "\t1d01  not NVIDIA's either\n"
    "C 03  Display controller\n"
    "\t00  VGA compatible controller\n"
    "\t0fb8  not a device\n";

}  // namespace

TEST_CASE("Names are the vendor's and the device's") {
  const auto names =
      find_pci_names(database, {{0x10de, 0x0fb8}, {0x10de, 0x1d01}, {0x10de, 0xffff}, {0x1234, 1}});
  CHECK(names ==
        PciNames{{{0x10de, 0x0fb8}, "NVIDIA Corporation GP108 High Definition Audio Controller"},
                 {{0x10de, 0x1d01}, "NVIDIA Corporation GP108 [GeForce GT 1030]"},
                 {{0x10de, 0xffff}, "NVIDIA Corporation"}});
  CHECK(find_pci_names(database, {{0x8086, 0x0fb8}}) ==
        PciNames{{{0x8086, 0x0fb8}, "Intel Corporation"}});
  CHECK(find_pci_names(database, {{0x000c, 3}}).empty());
}

TEST_CASE("A damaged database gives what it can") {
  CHECK(find_pci_names("", {{0x10de, 1}}).empty());
  CHECK(find_pci_names("10de", {{0x10de, 1}}).empty());
  CHECK(find_pci_names("10de  ", {{0x10de, 1}}) == PciNames{{{0x10de, 1}, ""}});
  CHECK(find_pci_names("\t0001  a device\n10de  N\n\t\n\t0001", {{0x10de, 1}}) ==
        PciNames{{{0x10de, 1}, "N"}});
}

}  // namespace vfio_switch
