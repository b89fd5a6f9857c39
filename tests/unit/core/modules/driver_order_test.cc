// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/driver_order.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("Drivers that the kernel links behind vfio are told from those that may come first") {
  // drivers/Makefile of Linux 5.4 and 6.12: gpu, base, misc, nvme, ata, net, vfio, usb, i2c; sound
  // comes behind drivers. All are of one initcall level but thunderbolt (rootfs_initcall).
  CHECK(linked_after_vfio("xhci_pci") == "drivers/usb");
  CHECK(linked_after_vfio("xhci_hcd") == "drivers/usb");
  CHECK(linked_after_vfio("ehci_pci") == "drivers/usb");
  CHECK(linked_after_vfio("i2c_nvidia_gpu") == "drivers/i2c");
  CHECK(linked_after_vfio("nvidia_gpu") == "drivers/i2c");
  CHECK(linked_after_vfio("i2c_designware_pci") == "drivers/i2c");
  CHECK(linked_after_vfio("snd_hda_intel") == "sound");
  for (const std::string driver :
       {"i915", "amdgpu", "nouveau", "nvme", "ahci", "igb", "thunderbolt", "mei_me", "", "xhci"}) {
    INFO(driver);
    CHECK_FALSE(linked_after_vfio(driver));
  }
}

TEST_CASE("One driver that may come before vfio-pci is enough") {
  using Drivers = std::vector<std::string>;
  CHECK(first_before_vfio({}) == std::nullopt);
  CHECK(first_before_vfio(Drivers{"xhci_pci", "snd_hda_intel"}) == std::nullopt);
  CHECK(first_before_vfio(Drivers{"xhci_pci", "nvme", "ahci"}) == "nvme");
}

}  // namespace vfio_switch
