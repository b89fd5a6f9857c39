// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/card.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "core/modules/vfio_driver.h"

namespace vfio_switch {

namespace {

/// What a graphics card carries behind a switch of its own: display, sound, USB-C and its
/// controller (Arc and Navi cards have one or more of these).
bool is_card_class(PciClass device_class) {
  constexpr std::array<std::uint16_t, 3> companions = {0x0403, 0x0c03, 0x0c80};
  return device_class.is_display() ||
         std::ranges::find(companions, device_class.subclass()) != companions.end();
}

/// The upstream port of the switch that `gpu` sits behind, if that switch is the card's own.
/// A port that hangs directly below the root complex is the board's.
std::optional<PciAddress> own_switch(const SystemFacts& facts, const PciDevice& gpu) {
  if (gpu.bridges.size() < 3) return std::nullopt;  // root port, upstream port, downstream port
  const auto upstream = gpu.bridges[gpu.bridges.size() - 2];
  for (const auto& device : facts.devices) {
    const bool is_upstream = device.address == upstream;
    const bool below = std::ranges::find(device.bridges, upstream) != device.bridges.end();
    if ((!is_upstream && !below) || device.virtual_function) continue;
    if (device.id.vendor != gpu.id.vendor || device.thunderbolt) return std::nullopt;
    if (device.device_class.is_pci_bridge()) continue;
    if (!is_card_class(device.device_class)) return std::nullopt;
    const bool other_card =
        device.device_class.is_display() && !device.address.same_slot(gpu.address);
    if (other_card) return std::nullopt;  // two GPUs are never one card
  }
  return upstream;
}

/// Of an integrated GPU: itself and its sound, with what cannot be told apart from them.
/// Controllers of its slot in groups of their own stay with the host.
std::vector<PciAddress> integrated_functions(const SystemFacts& facts, const PciDevice& gpu) {
  const auto in_slot = [&](const PciDevice& device) {
    return !device.device_class.is_bridge() && !device.virtual_function &&
           device.address.same_slot(gpu.address);
  };
  const auto is_own = [&](const PciDevice& device) {
    constexpr std::uint16_t sound = 0x0403;
    return device.device_class.is_display() ||
           (device.device_class.subclass() == sound && device.id.vendor == gpu.id.vendor);
  };
  std::set<unsigned> groups;
  for (const auto& device : facts.devices) {
    if (in_slot(device) && is_own(device) && device.iommu_group) groups.insert(*device.iommu_group);
  }
  std::vector<PciAddress> functions;
  for (const auto& device : facts.devices) {
    const bool shares = device.iommu_group && groups.contains(*device.iommu_group);
    if (in_slot(device) && (is_own(device) || shares)) functions.push_back(device.address);
  }
  return functions;
}

}  // namespace

const PciDevice* find_device(const SystemFacts& facts, const PciAddress& address) {
  const auto found = std::ranges::lower_bound(facts.devices, address, {}, &PciDevice::address);
  return found == facts.devices.end() || found->address != address ? nullptr : &*found;
}

std::vector<PciAddress> card_functions(const SystemFacts& facts, const PciDevice& gpu) {
  if (gpu.virtual_function) return {gpu.address};
  if (is_integrated(facts, gpu)) return integrated_functions(facts, gpu);
  const auto upstream = own_switch(facts, gpu);
  std::vector<PciAddress> functions;
  for (const auto& device : facts.devices) {
    if (device.device_class.is_bridge() || device.virtual_function) continue;
    const bool behind_switch =
        upstream && std::ranges::find(device.bridges, *upstream) != device.bridges.end();
    if (device.address.same_slot(gpu.address) || behind_switch) {
      functions.push_back(device.address);
    }
  }
  return functions;
}

bool is_integrated(const SystemFacts& facts, const PciDevice& gpu) {
  return gpu.address.bus == 0 || std::ranges::any_of(facts.devices, [&](const PciDevice& device) {
           return device.device_class.subclass() == 0x1080 && device.address.same_slot(gpu.address);
         });
}

bool is_bmc_display(const PciDevice& device) {
  constexpr std::uint16_t aspeed = 0x1a03;
  constexpr std::uint16_t matrox = 0x102b;
  return device.id.vendor == aspeed || device.id.vendor == matrox;
}

std::string name_of(const PciDevice& device) {
  return device.name.empty() ? device.id.str() : device.name;
}

std::string describe(const PciDevice& device) {
  return device.address.str() + " " + name_of(device);
}

bool has_driver(const PciDevice& device, const std::optional<std::string>& expected) {
  if (!device.driver || !expected) return device.driver == expected;
  if (expected == "vfio-pci") return is_vfio_driver(device.driver);
  return *device.driver == *expected ||
         module_name(device.driver_module.value_or(*device.driver)) == module_name(*expected);
}

}  // namespace vfio_switch
