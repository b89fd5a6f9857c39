// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <charconv>
#include <map>

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

/// Why a guest must not have `device`; empty where it may.
std::string objection(const Examination& examination, const PciDevice& device) {
  if (is_in_question(examination, device.address)) return {};
  for (const auto& card : examination.state.cards) {
    const auto* now = find_device(examination.facts, card.address);
    const bool moved = now == nullptr || !card.is_same_model(*now);
    if (moved && card.address.same_slot(device.address)) return "no longer the card";
  }
  if (device.device_class.is_bridge()) return "a bridge";
  if (!device.dependants.empty()) return "in use by the host: " + enumerate(device.dependants);
  if (device.boot_vga == true) return "the GPU of the boot display";
  return {};
}

void check_definition(const Examination& examination, const VirtualMachine& machine,
                      std::vector<Finding>& findings) {
  const auto edit = "Run 'virsh edit " + printable(machine.name) + "'";
  if (!machine.problem.empty()) {
    findings.push_back(make_finding(FindingCode::vm_unreadable,
                                    machine.path + " cannot be read: " + machine.problem + ".",
                                    edit + " to see what is wrong with it."));
  }
  for (const auto& given : machine.devices) {
    const auto where = machine.path + ":" + std::to_string(given.line);
    const auto* device = find_device(examination.facts, given.address);
    if (device == nullptr) {
      findings.push_back(
          make_finding(FindingCode::vm_device_missing,
                       where + " names " + given.address.str() + ", where no device is.",
                       edit + " and name the card's address; 'vfio-switch devices' lists them.",
                       {given.address}));
      continue;
    }
    const auto why = objection(examination, *device);
    if (why.empty()) continue;
    const auto moved = moved_to(examination, given.address, *device);
    findings.push_back(make_finding(
        FindingCode::vm_device_changed,
        where + " names " + describe(*device) + ", which is " + why + ".",
        edit + (moved ? ": the card is at " + moved->str() + " now."
                      : " and name the card's address; 'vfio-switch devices' lists them."),
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
    findings.push_back(
        make_finding(FindingCode::memlock_limit,
                     more.vfio_rules.front().where() +
                         " opens /dev/vfio to ordinary users, who may lock almost no memory.",
                     "Give them a limit above the guest's memory: '@kvm - memlock unlimited' in "
                     "/etc/security/limits.d/vfio.conf, and log in again."));
  }
  if (more.vfio_rules.empty() && enough != nullptr) {
    findings.push_back(make_finding(
        FindingCode::vfio_node_private,
        enough->where() + " lets ordinary users lock memory, and only root may open /dev/vfio.",
        "For QEMU without root put 'SUBSYSTEM==\"vfio\", GROUP=\"kvm\", MODE=\"0660\"' into "
        "/etc/udev/rules.d/70-vfio.rules; libvirt's system instance needs nothing."));
  }
}

void check_reset(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto* gpu : gpus_in_question(examination)) {
    const auto family = reset_trouble(gpu->id);
    if (family.empty()) continue;
    const auto method = examination.more.reset_methods.find(gpu->address);
    const auto known = method == examination.more.reset_methods.end() ? "" : method->second;
    if (known.starts_with("device_specific")) continue;  // vendor-reset is at work
    findings.push_back(make_finding(
        FindingCode::reset_trouble,
        describe(*gpu) + " is a " + std::string(family) + " card" +
            (known.empty() ? "." : " (reset_method: " + printable(known) + ")."),
        std::string(
            "Should it stay dark when a guest starts again: the kernel module vendor-reset, "
            "loaded before that") +
            (examination.more.secure_boot ? ", and signed for Secure Boot." : "."),
        {gpu->address}));
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
