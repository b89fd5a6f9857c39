// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"

namespace vfio_switch {

namespace {

constexpr std::uint16_t nvidia = 0x10de;
constexpr std::size_t most_programs = 5;

void check_open_files(const Examination& examination, std::vector<Finding>& findings) {
  std::set<std::string> programs;
  std::set<PciAddress> devices;
  for (const auto& holder : examination.more.holders) {
    const auto* device = find_device(examination.facts, holder.address);
    if (device == nullptr || !is_in_question(examination, holder.address)) continue;
    if (device->driver == "vfio-pci") continue;  // a guest has it
    programs.insert(printable(holder.program) + " (" + std::to_string(holder.pid) + ", " +
                    holder.node + ")");
    devices.insert(holder.address);
  }
  if (programs.empty()) return;
  std::vector<std::string> names(programs.begin(), programs.end());
  if (names.size() > most_programs) {
    const auto more = names.size() - most_programs;
    names.resize(most_programs);
    names.push_back(std::to_string(more) + " more");
  }
  findings.push_back(make_finding(FindingCode::held_open, "Open now by " + enumerate(names) + ".",
                                  "Nothing, where the host's screen is on another GPU; have those "
                                  "programs use that one.",
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
  auto finding = make_finding(FindingCode::nvidia_persistenced,
                              *examination.more.persistenced +
                                  " starts nvidia-persistenced, and the "
                                  "only NVIDIA card is the one to give away.",
                              "Run 'systemctl disable --now nvidia-persistenced'.");
  finding.severity = severity_once_wanted(examination);
  findings.push_back(std::move(finding));
}

}  // namespace

void check_holders(const Examination& examination, std::vector<Finding>& findings) {
  check_persistenced(examination, findings);
  check_open_files(examination, findings);
}

}  // namespace vfio_switch
