// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/doctor/reset_trouble.h"

namespace vfio_switch {

namespace {

/// Where the card is that was once chosen at `address`, and is not there any more.
std::optional<PciAddress> moved_to(const Examination& examination, const PciAddress& address,
                                   const PciDevice& now) {
  for (const auto& card : examination.state.cards) {
    if (!card.address.same_slot(address)) continue;
    const auto* gpu = find_device(examination.facts, card.address);
    if (gpu != nullptr && card.is_same_model(*gpu)) continue;
    if (card.is_same_model(now)) continue;
    for (const auto& chosen : examination.selection.cards) {
      if (card.is_same_model(*find_device(examination.facts, chosen.address)))
        return chosen.address;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

/// Why a guest must not have `device`; nothing where it may.
std::optional<FindingCause> objection(const Examination& examination, const PciDevice& device) {
  if (is_in_question(examination, device.address)) return std::nullopt;
  for (const auto& card : examination.state.cards) {
    const auto* now = find_device(examination.facts, card.address);
    const bool moved = now == nullptr || !card.is_same_model(*now);
    if (moved && card.address.same_slot(device.address)) return FindingCause::vm_card_moved;
  }
  if (device.device_class.is_bridge()) return FindingCause::vm_gets_bridge;
  if (!device.dependants.empty()) return FindingCause::vm_gets_used_device;
  if (device.boot_vga == true) return FindingCause::vm_gets_boot_display;
  return std::nullopt;
}

Run edit_definition(const VirtualMachine& machine) {
  return {{{"virsh", "edit", machine.name}}, true};
}

void check_definition(const Examination& examination, const VirtualMachine& machine,
                      std::vector<Finding>& findings) {
  if (!machine.problem.empty()) {
    findings.push_back(make_finding(
        FindingCause::vm_unreadable,
        {{"place", Place{machine.path, machine.problem_line}}, {"problem", Word{machine.problem}}},
        {edit_definition(machine)}));
  }
  for (const auto& given : machine.devices) {
    Data data = {{"place", Place{machine.path, given.line}}, {"device", given.address}};
    const auto* device = find_device(examination.facts, given.address);
    const auto why = device == nullptr ? std::optional(FindingCause::vm_device_missing)
                                       : objection(examination, *device);
    if (!why) continue;
    if (*why == FindingCause::vm_gets_used_device) {
      data.emplace_back("use", words_of(device->dependants));
    }
    Data card;
    const auto moved = device == nullptr ? std::optional<PciAddress>()
                                         : moved_to(examination, given.address, *device);
    if (moved) card.emplace_back("device", *moved);
    findings.push_back(
        make_finding(*why, std::move(data),
                     {edit_definition(machine), Manual{ByHand::set_vm_device, std::move(card)}},
                     {given.address}));
  }
}

/// KiB that a memlock line allows; nothing where the line is none, or no limit for people.
std::optional<unsigned long long> allowed(const ConfigLine& line) {
  constexpr std::size_t value = 3;
  const auto words = split_words(line.text);
  if (words.size() <= value || words[2] != "memlock") return std::nullopt;
  // What sound servers ship for their users says nothing about guests.
  constexpr std::array<std::string_view, 4> sound = {"@audio", "@pipewire", "@realtime",
                                                     "@jackuser"};
  if (std::ranges::find(sound, words[0]) != sound.end()) return std::nullopt;
  constexpr std::array<std::string_view, 3> unlimited = {"unlimited", "-1", "infinity"};
  if (std::ranges::find(unlimited, words[value]) != unlimited.end()) return ~0ULL;
  unsigned long long number = 0;
  const auto text = words[value];
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

/// QEMU without root takes both: a file in /dev/vfio that may be opened, and memory that may be
/// locked. Where neither was arranged, root's libvirt runs it.
void check_ordinary_user(const Examination& examination, std::vector<Finding>& findings) {
  constexpr unsigned long long small_guest = 1ULL << 20U;  // KiB
  const auto& more = examination.more;
  const ConfigLine* enough = nullptr;
  for (const auto& line : more.memlock) {
    if (allowed(line).value_or(0) >= small_guest) enough = &line;
  }
  if (!more.vfio_rules.empty() && enough == nullptr) {
    const auto& rule = more.vfio_rules.front();
    findings.push_back(
        make_finding(FindingCause::memlock_limit, {{"place", Place{rule.path, rule.line}}},
                     {Edit{{"/etc/security/limits.d/vfio.conf"}, {}, "@kvm - memlock unlimited"},
                      Manual{ByHand::log_in_again}}));
  }
  if (more.vfio_rules.empty() && enough != nullptr) {
    findings.push_back(make_finding(
        FindingCause::vfio_node_private, {{"place", Place{enough->path, enough->line}}},
        {Edit{{"/etc/udev/rules.d/70-vfio.rules"},
              {},
              R"(SUBSYSTEM=="vfio", GROUP="kvm", MODE="0660")"},
         Run{{{"udevadm", "control", "--reload"}}, true},
         Run{{{"udevadm", "trigger", "--subsystem-match=vfio"}}, true}}));
  }
}

void check_reset(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto* gpu : gpus_in_question(examination)) {
    const auto family = reset_trouble(gpu->id);
    if (family.empty()) continue;
    const auto method = examination.more.reset_methods.find(gpu->address);
    const auto known = method == examination.more.reset_methods.end() ? "" : method->second;
    if (known.starts_with("device_specific")) continue;  // vendor-reset is at work
    Data data = {{"device", gpu->address}, {"family", Word{std::string(family)}}};
    if (!known.empty()) data.emplace_back("method", Word{known});
    Remedy remedy = {Manual{ByHand::install_vendor_reset}};
    if (examination.more.secure_boot) remedy.emplace_back(Manual{ByHand::sign_module});
    findings.push_back(make_finding(
        known.empty() ? FindingCause::reset_trouble : FindingCause::reset_trouble_by_method,
        std::move(data), std::move(remedy), {gpu->address}));
  }
}

}  // namespace

void check_virtual_machines(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& machine : examination.more.machines) {
    check_definition(examination, machine, findings);
  }
  check_ordinary_user(examination, findings);
  check_reset(examination, findings);
}

}  // namespace vfio_switch
