// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/isolation.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"

namespace vfio_switch {

namespace {

constexpr std::size_t most_slots = 4;

/// The members of a group; what keeps it from being given away is marked.
std::vector<std::string> group_table(const SystemFacts& facts, unsigned group,
                                     const std::vector<PciAddress>& blockers) {
  std::vector<std::string> lines = {"group " + std::to_string(group)};
  for (const auto& device : facts.devices) {
    if (device.iommu_group != group) continue;
    std::string mark = "card";
    if (std::ranges::find(blockers, device.address) != blockers.end()) mark = "blocks";
    if (device.device_class.is_bridge()) mark = "bridge";
    mark.resize(std::string_view("blocks").size(), ' ');
    auto driver = device.driver.value_or("no driver");
    driver.resize(std::max(driver.size(), std::string_view("snd_hda_intel").size()), ' ');
    lines.push_back("  " + mark + "  " + device.address.str() + "  " + driver + "  " +
                    (device.name.empty() ? device.id.str() : device.name));
  }
  return lines;
}

/// The ports with nothing below them that have a group of their own: where a card would have one.
std::vector<std::string> free_ports(const SystemFacts& facts) {
  std::vector<std::string> ports;
  for (const auto& port : facts.devices) {
    if (!port.device_class.is_pci_bridge() || !port.iommu_group || port.thunderbolt) continue;
    const bool used = std::ranges::any_of(facts.devices, [&](const PciDevice& other) {
      return std::ranges::find(other.bridges, port.address) != other.bridges.end();
    });
    const auto members =
        std::ranges::count(facts.devices, port.iommu_group, &PciDevice::iommu_group);
    if (used || members != 1) continue;
    ports.push_back(port.address.str() + " (group " + std::to_string(*port.iommu_group) + ")");
  }
  return ports;
}

std::string remedy(const SystemFacts& facts) {
  auto ports = free_ports(facts);
  if (ports.empty()) {
    return "Try another slot (no free one with a group of its own is in sight), or a firmware "
           "setting such as ACS or PCIe ARI.";
  }
  const auto more = ports.size() > most_slots ? ports.size() - most_slots : 0;
  if (more > 0) ports.resize(most_slots);
  if (more > 0) ports.push_back(std::to_string(more) + " more");
  return "Put the card into a slot below a free port with a group of its own: " + enumerate(ports) +
         ".";
}

}  // namespace

void check_isolation(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  if (!facts.iommu_enabled) return;
  for (const auto& refusal : refusals_in_question(examination)) {
    if (refusal.code() == RefusalCode::iommu_off) {
      findings.push_back(make_finding(FindingCode::group_missing,
                                      sentence(format(kind_of(refusal.cause).text, refusal.data)),
                                      "Look for a firmware setting for its slot or bridge; some "
                                      "external devices never get one.",
                                      refusal.devices));
    }
    if (refusal.code() != RefusalCode::group_shared) continue;
    std::set<unsigned> shared;
    for (const auto& address : refusal.devices) {
      shared.insert(find_device(facts, address)->iommu_group.value_or(0));
    }
    std::vector<std::string> numbers;
    std::vector<std::string> table;
    for (const auto group : shared) {
      numbers.push_back(std::to_string(group));
      const auto lines = group_table(facts, group, refusal.devices);
      table.insert(table.end(), lines.begin(), lines.end());
    }
    auto finding = make_finding(
        FindingCode::group_shared,
        "IOMMU group " + enumerate(numbers) + " holds the card, and devices that the host keeps.",
        remedy(facts), refusal.devices);
    finding.table = std::move(table);
    const bool said = std::ranges::any_of(findings, [&](const Finding& other) {
      return other.code == finding.code && other.found == finding.found;
    });
    if (!said) findings.push_back(std::move(finding));
  }
}

}  // namespace vfio_switch
