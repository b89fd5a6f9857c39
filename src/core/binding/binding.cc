// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/binding.h"

#include <algorithm>

#include "core/cards/card.h"
#include "core/files/own_paths.h"
#include "core/modules/driver_order.h"
#include "core/modules/vfio_driver.h"

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
    return is_vfio_driver(device.driver) && is_vfio_driver(device.driver_override);
  });
}

/// The driver that binds a function before vfio-pci can, in one of the kernels.
std::optional<Reason> earlier_driver(const SystemFacts& facts, const std::vector<Claim>& claims) {
  for (const auto& claim : claims) {
    if (claim.built_in.empty()) continue;
    const auto kernel = std::ranges::find(facts.kernels, claim.kernel, &Kernel::release);
    const bool both = kernel != facts.kernels.end() && kernel->vfio_pci == ModuleForm::built_in;
    const auto driver = both ? first_before_vfio(claim.built_in) : claim.built_in.front();
    if (!driver) continue;
    const auto cause = both ? ReasonCause::driver_may_come_first : ReasonCause::built_into_kernel;
    return Reason(cause, {{"driver", Word{*driver}}, {"kernel", Word{claim.kernel}}});
  }
  return std::nullopt;
}

/// A device that stays, and has an id of the card.
std::optional<Reason> twin(const SystemFacts& facts, const std::vector<PciAddress>& functions) {
  for (const auto& address : functions) {
    const auto id = find_device(facts, address)->id;
    for (const auto& other : facts.devices) {
      if (other.id != id || std::ranges::binary_search(functions, other.address)) continue;
      return Reason(ReasonCause::id_stays, {{"device", other.address}, {"id", id}});
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Reason> why_by_address(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions,
                                     const std::vector<Claim>& claims) {
  if (auto reason = earlier_driver(facts, claims)) return reason;
  if (auto reason = twin(facts, functions)) return reason;
  if (taken_by_address(facts, functions)) return ReasonCause::bound_by_address;
  return std::nullopt;
}

Reason later_driver(const Claim& claim) {
  const auto& driver = claim.built_in.front();
  const auto directory = linked_after_vfio(driver).value_or(std::string_view());
  return {ReasonCause::driver_later,
          {{"driver", Word{driver}}, {"directory", Word{std::string(directory)}}}};
}

Binding choose_binding(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                       const std::vector<Claim>& claims) {
  return why_by_address(facts, functions, claims) ? Binding::address : Binding::ids;
}

}  // namespace vfio_switch
