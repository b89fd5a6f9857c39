// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/doctor/examine.h"

#include <algorithm>
#include <set>

#include "core/binding/giver.h"
#include "system/doctor/doctor_probe.h"
#include "system/modules/claimants.h"
#include "system/modules/load_order_prover.h"
#include "system/planner/planner.h"
#include "system/tools/initramfs_tools.h"

namespace vfio_switch {

namespace {

/// Where boot entries are written along with dracut's images, what writes them builds both.
std::vector<std::string> dracut_command(const FileReader& files, const SystemFacts& facts) {
  if (files.exists("/usr/bin/limine-dracut")) return {"limine-dracut"};
  if (facts.entry_tool == EntryTool::sdbootutil && files.exists("/usr/bin/sdbootutil")) {
    return {"sdbootutil", "mkinitrd"};
  }
  if (!std::holds_alternative<UnifiedImage>(facts.boot_loader)) {
    return {"dracut", "--regenerate-all", "--force"};
  }
  if (facts.kernels.size() != 1 || !files.exists("/usr/bin/kernel-install")) return {};
  const auto& release = facts.kernels.front().release;
  return {"kernel-install", "add", release, "/usr/lib/modules/" + release + "/vmlinuz"};
}

/// What builds every image of this machine; empty where that is not known.
std::vector<std::string> rebuild_command(const FileReader& files, const Machine& machine) {
  if (std::holds_alternative<RpmOstree>(machine.facts.boot_loader)) return {};
  const auto generator = find_generator(machine.profile, files);
  if (!generator) return {};
  switch (*generator) {
    case InitramfsGenerator::limine_mkinitcpio:
      return {"limine-mkinitcpio"};
    case InitramfsGenerator::mkinitcpio:
      return {"mkinitcpio", "-P"};
    case InitramfsGenerator::update_initramfs:
      return {"update-initramfs", "-u", "-k", "all"};
    case InitramfsGenerator::dracut:
      return dracut_command(files, machine.facts);
  }
  return {};
}

/// What somebody's own configuration gives away beside the functions in question.
std::vector<PciAddress> given_beside(const Examination& examination) {
  std::set<PciAddress> given;
  for (const auto& giver : find_givers(examination.facts, examination.facts.modprobe)) {
    given.insert(giver.devices.begin(), giver.devices.end());
  }
  for (const auto& address : examination.functions) given.erase(address);
  return {given.begin(), given.end()};
}

}  // namespace

Result<Examination> examine(const FileReader& files, const Machine& machine,
                            std::optional<Refusal> interrupted) {
  Examination examination;
  examination.facts = machine.facts;
  examination.state = machine.state;
  examination.interrupted = std::move(interrupted);
  SelectionRequest request{machine.settings.devices, {}, machine.state.accepted_risks};
  if (request.named.empty()) request.kept = machine.state.cards;
  request.extra = extra_request(machine.settings.extra_devices, machine.state);
  examination.selection = select(machine.facts, request);
  examination.functions = cards_in_question(machine.facts, examination.selection);
  const Planner planner(files, machine);
  auto status = planner.status();
  if (!status) return failure_of(status);
  examination.status = std::move(*status);
  examination.claims = examination.status.claims;
  if (!std::ranges::equal(examination.functions, examination.status.devices, {}, {},
                          &DeviceStatus::address)) {
    auto claims = find_claims(files, machine.facts, examination.functions);
    if (!claims) return failure_of(claims);
    examination.claims = std::move(*claims);
  }
  examination.load_order = examination.status.load_order;
  if (examination.load_order.empty()) {
    auto orders = planner.next_boot_of(examination.functions);
    if (!orders) return failure_of(orders);
    examination.load_order = std::move(*orders);
  }
  if (const auto others = given_beside(examination); !others.empty()) {
    auto given = planner.next_boot_of(others);
    if (!given) return failure_of(given);
    examination.given_order = std::move(*given);
  }
  examination.more = read_doctor_facts(files, machine.facts);
  examination.more.rebuild = rebuild_command(files, machine);
  return examination;
}

}  // namespace vfio_switch
