// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/modules/vfio_driver.h"

namespace vfio_switch {

namespace {

constexpr std::uint16_t nvidia = 0x10de;

/// What a process calls itself, its number and what it has open.
std::string program_text(const Holder& holder) {
  return holder.program + " (" + std::to_string(holder.pid) + ", " + holder.node + ")";
}

void check_open_files(const Examination& examination, std::vector<Finding>& findings) {
  std::set<std::string> programs;
  std::set<PciAddress> devices;
  for (const auto& holder : examination.more.holders) {
    const auto* device = find_device(examination.facts, holder.address);
    if (device == nullptr || !is_in_question(examination, holder.address)) continue;
    if (is_vfio_driver(device->driver)) continue;  // a guest has it
    programs.insert(program_text(holder));
    devices.insert(holder.address);
  }
  if (programs.empty()) return;
  std::vector<Item> items;
  for (const auto& program : programs) items.emplace_back(Quotation{program});
  const Data data = {{"programs", std::move(items)}};
  findings.push_back(make_finding(FindingCause::held_open, data,
                                  {Manual{ByHand::other_tools_window, data}},
                                  {devices.begin(), devices.end()}));
}

void check_persistenced(const Examination& examination, std::vector<Finding>& findings) {
  if (!examination.more.persistenced) return;
  const auto is_nvidia = [](const PciDevice& device) {
    return device.id.vendor == nvidia && device.device_class.is_display();
  };
  bool leaves = false;
  for (const auto& device : examination.facts.devices) {
    if (!is_nvidia(device)) continue;
    if (!is_in_question(examination, device.address)) return;  // one stays: the service has work
    leaves = true;
  }
  if (!leaves) return;
  auto finding = make_finding(
      FindingCause::nvidia_persistenced, {{"link", Place{*examination.more.persistenced}}},
      {Run{{{"systemctl", "disable", "--now", "nvidia-persistenced"}}, true}});
  finding.severity = severity_once_wanted(examination);
  findings.push_back(std::move(finding));
}

}  // namespace

void check_holders(const Examination& examination, std::vector<Finding>& findings) {
  check_persistenced(examination, findings);
  check_open_files(examination, findings);
}

}  // namespace vfio_switch
