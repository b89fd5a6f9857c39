// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/early_module.h"

#include "catch.h"

namespace vfio_switch {

TEST_CASE("A line of initramfs-tools' lists is a module with its options") {
  const auto ids = VfioIds::parse("10de:1b81,10de:10f0");
  const auto early =
      with_options(" vfio-pci  disable_vga=1 ids=10de:10f0,10de:1b81 # x", {"/l", 3});
  REQUIRE(early);
  CHECK(early->module == "vfio_pci");
  CHECK(early->where == Place{"/l", 3});
  CHECK(early->ids == ids);
  CHECK_FALSE(with_options("vfio_pci", {"/l", 1})->ids);
  CHECK_FALSE(with_options("vfio_pci disable_vga=1", {"/l", 1})->ids);
  // No other module takes ids from there.
  CHECK_FALSE(with_options("nouveau ids=10de:1b81", {"/l", 1})->ids);
  CHECK_FALSE(with_options("# vfio_pci ids=10de:1b81", {"/l", 1}));
  CHECK_FALSE(with_options("  ", {"/l", 1}));
}

}  // namespace vfio_switch
