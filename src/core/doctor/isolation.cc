// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/isolation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/cards/card.h"
#include "core/doctor/checks.h"

namespace vfio_switch {

namespace {

constexpr std::size_t most_slots = 4;

/// The members of a group; what keeps it from being given away is marked.
void add_group(const SystemFacts& facts, unsigned group, const std::vector<PciAddress>& blockers,
               std::vector<DetailRow>& rows) {
  rows.push_back({Word{"group"}, Count{group}});
  for (const auto& device : facts.devices) {
    if (device.iommu_group != group) continue;
    const char* mark = "card";
    if (std::ranges::find(blockers, device.address) != blockers.end()) mark = "blocks";
    if (device.device_class.is_bridge()) mark = "bridge";
    rows.push_back({Word{mark}, device.address, Word{device.driver.value_or("no driver")},
                    Word{device.name.empty() ? device.id.str() : device.name}});
  }
}

/// The ports with nothing below them that have a group of their own: where a card would have one.
/// The first are enough, as each is another way.
std::vector<PciAddress> free_ports(const SystemFacts& facts) {
  std::vector<PciAddress> ports;
  for (const auto& port : facts.devices) {
    if (!port.device_class.is_pci_bridge() || !port.iommu_group || port.thunderbolt) continue;
    const bool used = std::ranges::any_of(facts.devices, [&](const PciDevice& other) {
      return std::ranges::find(other.bridges, port.address) != other.bridges.end();
    });
    const auto members =
        std::ranges::count(facts.devices, port.iommu_group, &PciDevice::iommu_group);
    if (used || members != 1) continue;
    ports.push_back(port.address);
    if (ports.size() == most_slots) break;
  }
  return ports;
}

Remedy remedy(const SystemFacts& facts) {
  if (facts.portable) return {Manual{ByHand::turn_on_acs}, Manual{ByHand::update_firmware}};
  const auto ports = free_ports(facts);
  if (ports.empty()) return {Manual{ByHand::other_slot}, Manual{ByHand::turn_on_acs}};
  return {Manual{ByHand::other_slot, {{"ports", items_of(ports)}}}};
}

}  // namespace

void check_isolation(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  if (!facts.iommu_enabled) return;
  for (const auto& refusal : refusals_in_question(examination)) {
    if (refusal.code() == RefusalCode::iommu_off) {
      Remedy steps = {Manual{ByHand::update_firmware}};
      if (!facts.portable) steps.insert(steps.begin(), Manual{ByHand::other_slot});
      findings.push_back(make_finding(FindingCause::group_missing,
                                      {{"device", refusal.devices.front()}}, std::move(steps),
                                      refusal.devices));
    }
    if (refusal.code() != RefusalCode::group_shared) continue;
    std::set<unsigned> shared;
    for (const auto& address : refusal.devices) {
      shared.insert(find_device(facts, address)->iommu_group.value_or(0));
    }
    std::vector<Item> groups;
    std::vector<DetailRow> rows;
    for (const auto group : shared) {
      groups.emplace_back(Count{group});
      add_group(facts, group, refusal.devices, rows);
    }
    auto finding = make_finding(FindingCause::group_shared, {{"groups", std::move(groups)}},
                                remedy(facts), refusal.devices);
    finding.details = std::move(rows);
    const bool said = std::ranges::any_of(findings, [&](const Finding& other) {
      return other.cause == finding.cause && other.data == finding.data;
    });
    if (!said) findings.push_back(std::move(finding));
  }
}

}  // namespace vfio_switch
