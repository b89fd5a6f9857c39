// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/isolation.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"
#include "core/machine/display_config.h"
#include "core/modules/vfio_driver.h"

namespace vfio_switch {

namespace {

bool contains(const std::vector<PciAddress>& addresses, const PciAddress& address) {
  return std::ranges::binary_search(addresses, address);
}

/// A driver that holds a device for a guest instead of using it.
bool is_placeholder_driver(const std::optional<std::string>& driver) {
  return is_vfio_driver(driver) || driver == "pci-stub" || driver == "xen-pciback";
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

std::vector<Item> occupants(const std::vector<const PciDevice*>& devices) {
  std::vector<Item> items;
  for (const auto* device : devices) items.emplace_back(Occupant{device->address, device->driver});
  return items;
}

std::vector<PciAddress> addresses_of(const std::vector<const PciDevice*>& devices) {
  std::vector<PciAddress> addresses;
  for (const auto* device : devices) addresses.push_back(device->address);
  return addresses;
}

/// A refusal about one GPU.
Refusal about(const PciDevice& gpu, RefusalCause cause, Remedy remedy = {}) {
  return {cause, {{"gpu", gpu.address}}, std::move(remedy), {gpu.address}};
}

/// What keeps the host from having a screen, if the card goes: one reason is enough.
std::optional<Refusal> screen_refusal(const SystemFacts& facts, const PciDevice& gpu,
                                      const std::vector<PciAddress>& functions,
                                      const std::vector<const PciDevice*>& staying) {
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
    return Refusal{RefusalCause::display_claimed,
                   {{"place", claim->where}, {"device", claim->address}},
                   {end_of_claim(*claim)},
                   {gpu.address}};
  }
  if (any_connected(facts, functions) && !host_connected) {
    return about(gpu, RefusalCause::monitor_on_card, {Manual{ByHand::move_monitor}});
  }
  if (host_can_show) return std::nullopt;
  return Refusal{RefusalCause::no_host_driver,
                 {{"displays", occupants(staying)}},
                 {Manual{ByHand::load_host_driver}},
                 {gpu.address}};
}

void add_display_refusals(const SystemFacts& facts, const PciDevice& gpu,
                          const std::vector<PciAddress>& functions,
                          const std::vector<PciAddress>& leaving, std::vector<Refusal>& refusals) {
  const auto staying = staying_displays(facts, leaving);
  if (staying.empty()) {
    refusals.push_back(about(gpu, RefusalCause::only_display, {Manual{ByHand::add_gpu}}));
  }
  const bool drives_boot = std::ranges::any_of(functions, [&](const PciAddress& address) {
    return find_device(facts, address)->boot_vga == true;
  });
  if (drives_boot) {
    Remedy remedy;
    if (!staying.empty()) remedy.emplace_back(Manual{ByHand::choose_primary_gpu});
    refusals.push_back(about(gpu, RefusalCause::boot_display, std::move(remedy)));
  }
  if (staying.empty()) return;
  if (auto refusal = screen_refusal(facts, gpu, functions, staying)) {
    refusals.push_back(std::move(*refusal));
  }
}

/// Why there are no IOMMU groups, and what turns them on.
Refusal iommu_refusal(const SystemFacts& facts, const PciDevice& gpu) {
  const auto foreign = foreign_iommu_parameter(facts);
  const auto refusal = [&](RefusalCause cause, Data data, Remedy remedy) {
    return Refusal{cause, std::move(data), std::move(remedy), {gpu.address}};
  };
  if (const auto parameter = missing_iommu_parameter(facts)) {
    Data data = {{"parameter", Parameter{*parameter}}};
    if (foreign) data.emplace_back("useless", Parameter{*foreign});
    return refusal(foreign ? RefusalCause::iommu_needs_other : RefusalCause::iommu_needs_parameter,
                   std::move(data),
                   {Manual{ByHand::add_to_boot_loader,
                           {{"parameters", parameters_of(std::vector{*parameter})}}}});
  }
  if (const auto off = iommu_switched_off_by(facts.command_line, iommu_vendor(facts))) {
    const Data data = {{"parameter", Parameter{*off}}};
    return refusal(RefusalCause::iommu_switched_off, data,
                   {Manual{ByHand::remove_from_boot_loader, data}});
  }
  if (facts.iommu_table == IommuTable::none) {
    return refusal(RefusalCause::iommu_not_announced, {}, {Manual{ByHand::turn_on_iommu}});
  }
  if (!foreign || facts.iommu_table == IommuTable::dmar) {
    return refusal(RefusalCause::iommu_unexplained, {}, {read_iommu_log()});
  }
  return refusal(RefusalCause::iommu_unexplained_other, {{"useless", Parameter{*foreign}}},
                 {read_iommu_log()});
}

void add_use_refusals(const SystemFacts& facts, const PciDevice& gpu,
                      const std::vector<PciAddress>& functions, std::vector<Refusal>& refusals) {
  std::vector<std::string> dependants;
  for (const auto& address : functions) {
    const auto* device = find_device(facts, address);
    dependants.insert(dependants.end(), device->dependants.begin(), device->dependants.end());
  }
  if (dependants.empty()) return;
  refusals.push_back({RefusalCause::used_by_host,
                      {{"gpu", gpu.address}, {"what", words_of(dependants)}},
                      {Manual{ByHand::move_keyboard_or_disk}},
                      {gpu.address}});
}

}  // namespace

std::vector<Refusal> isolation_refusals(const SystemFacts& facts, const PciDevice& gpu,
                                        const std::vector<PciAddress>& functions,
                                        const std::vector<PciAddress>& leaving) {
  if (!facts.iommu_enabled) {
    return {iommu_refusal(facts, gpu)};
  }
  std::set<unsigned> groups;
  for (const auto& address : functions) {
    const auto* device = find_device(facts, address);
    if (!device->iommu_group) {
      return {{RefusalCause::function_without_group, {{"device", device->address}}, {}, {address}}};
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
  if (blockers.empty()) return {};
  std::vector<Item> numbers;
  for (const auto group : groups) numbers.emplace_back(Count{group});
  return {
      {RefusalCause::group_shared,
       {{"gpu", gpu.address}, {"groups", std::move(numbers)}, {"blockers", occupants(blockers)}},
       {Manual{facts.portable ? ByHand::turn_on_acs : ByHand::other_slot}},
       addresses_of(blockers)}};
}

std::vector<Refusal> card_refusals(const SystemFacts& facts, const PciDevice& gpu,
                                   const std::vector<PciAddress>& functions,
                                   const std::vector<PciAddress>& leaving) {
  std::vector<Refusal> refusals;
  if (gpu.virtual_function) {
    refusals.push_back(about(gpu, RefusalCause::sriov_function));
    return refusals;
  }
  if (is_bmc_display(gpu)) {
    refusals.push_back(about(gpu, RefusalCause::management_display));
    return refusals;
  }
  if (is_integrated(facts, gpu)) {
    refusals.push_back(about(gpu, RefusalCause::part_of_processor,
                             {own_command({"enable", "--device", gpu.address.str()})}));
  }
  add_display_refusals(facts, gpu, functions, leaving, refusals);
  std::ranges::move(isolation_refusals(facts, gpu, functions, leaving),
                    std::back_inserter(refusals));
  add_use_refusals(facts, gpu, functions, refusals);
  return refusals;
}

RemedyStep end_of_claim(const DisplayClaim& claim) {
  const auto& path = claim.where.path;
  if (path == prime_profile_path) return select_integrated_gpu();
  // Written by optimus-manager whenever it switches; the option is of its README.
  if (path.ends_with("/10-optimus-manager.conf")) {
    return Run{Command{{"optimus-manager", "--switch", "integrated"}}};
  }
  return Edit{claim.where, claim.text, {}};
}

}  // namespace vfio_switch
