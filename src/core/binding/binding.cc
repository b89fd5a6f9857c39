// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/binding.h"

#include <algorithm>

#include "core/cards/card.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// A driver that is built in, and that only the device it had told of, is not to be seen any more
/// once the function was taken from it.
bool taken_by_address(const SystemFacts& facts, const std::vector<PciAddress>& functions) {
  const auto file = facts.files.find(std::string(override_path));
  if (file == facts.files.end() || !std::holds_alternative<RegularFile>(file->second.state)) {
    return false;
  }
  return std::ranges::any_of(functions, [&](const PciAddress& address) {
    const auto& device = *find_device(facts, address);
    return device.driver == "vfio-pci" && device.driver_override == "vfio-pci";
  });
}

}  // namespace

Binding choose_binding(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                       const std::vector<Claim>& claims) {
  const bool built_in =
      std::ranges::any_of(claims, [](const Claim& claim) { return !claim.built_in.empty(); });
  const auto leaves = [&](const PciDevice& device) {
    return std::ranges::binary_search(functions, device.address);
  };
  const bool shared = std::ranges::any_of(functions, [&](const PciAddress& address) {
    const auto id = find_device(facts, address)->id;
    return std::ranges::any_of(
        facts.devices, [&](const PciDevice& other) { return other.id == id && !leaves(other); });
  });
  return built_in || shared || taken_by_address(facts, functions) ? Binding::address : Binding::ids;
}

}  // namespace vfio_switch
