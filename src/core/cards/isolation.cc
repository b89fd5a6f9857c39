// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/isolation.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"

namespace vfio_switch {

namespace {

constexpr std::size_t names_shown = 4;  // a refusal is one line; the JSON has every device

bool contains(const std::vector<PciAddress>& addresses, const PciAddress& address) {
  return std::ranges::binary_search(addresses, address);
}

/// A driver that holds a device for a guest instead of using it.
bool is_placeholder_driver(const std::optional<std::string>& driver) {
  return driver == "vfio-pci" || driver == "pci-stub" || driver == "xen-pciback";
}

/// The displays that the host keeps, a BMC's included.
std::vector<const PciDevice*> staying_displays(const SystemFacts& facts,
                                               const std::vector<PciAddress>& leaving) {
  std::vector<const PciDevice*> displays;
  for (const auto& device : facts.devices) {
    if (device.device_class.is_display() && !device.virtual_function &&
        !contains(leaving, device.address)) {
      displays.push_back(&device);
    }
  }
  return displays;
}

bool has_connected(const PciDevice& device) {
  return std::ranges::any_of(device.connectors, &Connector::connected);
}

bool any_connected(const SystemFacts& facts, const std::vector<PciAddress>& addresses) {
  return std::ranges::any_of(addresses, [&](const PciAddress& address) {
    const auto* device = find_device(facts, address);
    return device != nullptr && has_connected(*device);
  });
}

/// "0000:02:00.0 (ahci), 0000:03:00.0 (igb) and 5 more"
std::string list_with_drivers(const std::vector<const PciDevice*>& devices) {
  std::vector<std::string> names;
  for (const auto* device : devices) {
    if (names.size() == names_shown) {
      names.push_back(std::to_string(devices.size() - names_shown) + " more");
      break;
    }
    names.push_back(device->address.str() + " (" + device->driver.value_or("no driver") + ")");
  }
  return enumerate(names);
}

std::vector<PciAddress> addresses_of(const std::vector<const PciDevice*>& devices) {
  std::vector<PciAddress> addresses;
  for (const auto* device : devices) addresses.push_back(device->address);
  return addresses;
}

void add_display_refusals(const SystemFacts& facts, const PciDevice& gpu,
                          const std::vector<PciAddress>& functions,
                          const std::vector<PciAddress>& leaving, std::vector<Refusal>& refusals) {
  const auto staying = staying_displays(facts, leaving);
  if (staying.empty()) {
    refusals.push_back(
        {RefusalCode::only_gpu,
         gpu.address.str() + " is the only display: without it the host has no screen",
         {gpu.address}});
  }
  const bool drives_boot = std::ranges::any_of(functions, [&](const PciAddress& address) {
    return find_device(facts, address)->boot_vga == true;
  });
  if (drives_boot) {
    refusals.push_back({RefusalCode::boot_gpu,
                        gpu.address.str() + " drives the boot display" +
                            (staying.empty() ? "" : "; choose another primary GPU in the firmware"),
                        {gpu.address}});
  }
  if (staying.empty()) return;
  const bool host_connected = std::ranges::any_of(
      staying, [](const PciDevice* display) { return has_connected(*display); });
  // boot_vga marks the GPU that the firmware framebuffer is on; a card that is held for a guest
  // shows nothing of the host's, wherever the machine booted.
  const bool host_can_show = std::ranges::any_of(staying, [](const PciDevice* display) {
    return !is_placeholder_driver(display->driver) &&
           (display->driver || display->boot_vga == true);
  });
  const auto claim = std::ranges::find_if(facts.display_claims, [&](const DisplayClaim& one) {
    return contains(functions, one.address);
  });
  if (claim != facts.display_claims.end()) {
    refusals.push_back({RefusalCode::display_in_use,
                        claim->where + " gives " + claim->address.str() +
                            " to the host's display; remove that first",
                        {gpu.address}});
  } else if (any_connected(facts, functions) && !host_connected) {
    refusals.push_back({RefusalCode::display_in_use,
                        "the only connected monitor is on " + gpu.address.str() +
                            "; connect one to a GPU that stays with the host",
                        {gpu.address}});
  } else if (!host_can_show) {
    refusals.push_back(
        {RefusalCode::display_in_use,
         "no GPU that would stay with the host has a display driver: " + list_with_drivers(staying),
         {gpu.address}});
  }
}

/// Why there are no IOMMU groups, and what turns them on.
std::string iommu_off_message(const SystemFacts& facts) {
  const auto foreign = printable(foreign_iommu_parameter(facts).value_or(""));
  if (const auto parameter = missing_iommu_parameter(facts)) {
    return "the IOMMU is off: add " + *parameter +
           " to the kernel command line, reboot, and try again" +
           (foreign.empty() ? "" : "; " + foreign + " is for AMD and has no effect here");
  }
  if (const auto parameter = iommu_switched_off_by(facts)) {
    return "the IOMMU is off: the kernel command line says " + *parameter +
           "; remove it from the boot loader's settings";
  }
  if (facts.iommu_table == IommuTable::none) {
    return "the IOMMU is off or missing: on a PC, turn on VT-d (Intel) or IOMMU (AMD) in the "
           "firmware's set-up";
  }
  return "the IOMMU is off, though the firmware announces one; 'dmesg | grep -e DMAR -e AMD-Vi' "
         "may say why" +
         (foreign.empty() || facts.iommu_table == IommuTable::dmar
              ? std::string()
              : "; " + foreign + " is for Intel and has no effect here");
}

void add_isolation_refusals(const SystemFacts& facts, const PciDevice& gpu,
                            const std::vector<PciAddress>& functions,
                            const std::vector<PciAddress>& leaving,
                            std::vector<Refusal>& refusals) {
  if (!facts.iommu_enabled) {
    refusals.push_back({RefusalCode::iommu_off, iommu_off_message(facts), {gpu.address}});
    return;
  }
  std::set<unsigned> groups;
  for (const auto& address : functions) {
    const auto* device = find_device(facts, address);
    if (!device->iommu_group) {
      refusals.push_back({RefusalCode::iommu_off,
                          device->address.str() + " is in no IOMMU group, though other devices are",
                          {address}});
      return;
    }
    groups.insert(*device->iommu_group);
  }
  std::vector<const PciDevice*> blockers;
  for (const auto& device : facts.devices) {
    if (device.iommu_group && groups.contains(*device.iommu_group) &&
        !device.device_class.is_bridge() && !contains(leaving, device.address)) {
      blockers.push_back(&device);
    }
  }
  if (blockers.empty()) return;
  std::vector<std::string> numbers;
  for (const auto group : groups) numbers.push_back(std::to_string(group));
  refusals.push_back({RefusalCode::group_shared,
                      gpu.address.str() + " shares IOMMU group " + enumerate(numbers) + " with " +
                          list_with_drivers(blockers) + "; try another slot",
                      addresses_of(blockers)});
}

void add_use_refusals(const SystemFacts& facts, const PciDevice& gpu,
                      const std::vector<PciAddress>& functions, std::vector<Refusal>& refusals) {
  std::vector<std::string> dependants;
  for (const auto& address : functions) {
    const auto* device = find_device(facts, address);
    dependants.insert(dependants.end(), device->dependants.begin(), device->dependants.end());
  }
  if (dependants.empty()) return;
  refusals.push_back(
      {RefusalCode::in_use,
       "the host uses what is connected to " + gpu.address.str() + ": " + enumerate(dependants),
       {gpu.address}});
}

}  // namespace

std::vector<Refusal> card_refusals(const SystemFacts& facts, const PciDevice& gpu,
                                   const std::vector<PciAddress>& functions,
                                   const std::vector<PciAddress>& leaving) {
  std::vector<Refusal> refusals;
  if (gpu.virtual_function) {
    refusals.push_back({RefusalCode::virtual_function,
                        gpu.address.str() + " is an SR-IOV virtual function, not a card",
                        {gpu.address}});
    return refusals;
  }
  if (is_bmc_display(gpu)) {
    refusals.push_back({RefusalCode::host_display,
                        gpu.address.str() + " is the display of the server's management controller",
                        {gpu.address}});
    return refusals;
  }
  if (is_integrated(facts, gpu)) {
    refusals.push_back({RefusalCode::integrated,
                        gpu.address.str() + " is part of the processor; it is taken only if named "
                                            "with --device",
                        {gpu.address}});
  }
  add_display_refusals(facts, gpu, functions, leaving, refusals);
  add_isolation_refusals(facts, gpu, functions, leaving, refusals);
  add_use_refusals(facts, gpu, functions, refusals);
  return refusals;
}

}  // namespace vfio_switch
