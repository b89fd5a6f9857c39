// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/driver_order.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vfio_switch {

namespace {

/// The drivers of the functions that graphics cards have, each with module_init() or
/// module_pci_driver(), which is the same level. drivers/Makefile has vfio/ before usb/ and i2c/,
/// in 5.4 as in 6.12, and sound/ is linked behind drivers/. What is not here may come first: gpu/,
/// net/, nvme/ and ata/ stand before vfio/, and thunderbolt registers on an earlier level.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> later_drivers = {{
    {"ehci_pci", "drivers/usb"},
    {"i2c_designware_pci", "drivers/i2c"},
    {"i2c_nvidia_gpu", "drivers/i2c"},
    {"nvidia_gpu", "drivers/i2c"},  // the driver of i2c_nvidia_gpu
    {"ohci_pci", "drivers/usb"},
    {"snd_hda_intel", "sound"},
    {"uhci_hcd", "drivers/usb"},
    {"xhci_hcd", "drivers/usb"},  // the driver of xhci_pci
    {"xhci_pci", "drivers/usb"},
}};

}  // namespace

std::optional<std::string_view> linked_after_vfio(std::string_view driver) {
  const auto* const found =
      std::ranges::find(later_drivers, driver, [](const auto& row) { return row.first; });
  if (found == later_drivers.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> first_before_vfio(const std::vector<std::string>& drivers) {
  const auto found = std::ranges::find_if(
      drivers, [](const std::string& driver) { return !linked_after_vfio(driver); });
  if (found == drivers.end()) return std::nullopt;
  return *found;
}

}  // namespace vfio_switch
