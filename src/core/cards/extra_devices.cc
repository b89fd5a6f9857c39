// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/extra_devices.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/cards/card.h"
#include "core/cards/isolation.h"
#include "core/cards/own_command.h"

namespace vfio_switch {

namespace {

bool contains(const std::vector<PciAddress>& addresses, const PciAddress& address) {
  return std::ranges::binary_search(addresses, address);
}

Run list_of_devices() {
  return own_command({"devices", "--all"});
}

Item spec_item(const DeviceSpec& spec) {
  return std::visit([](const auto& value) { return Item(value); }, spec);
}

/// Several devices fit; `data` is what the sentence says before it lists them.
Refusal ambiguous(RefusalCause cause, Data data, const std::vector<const PciDevice*>& devices) {
  Refusal refusal{cause, std::move(data)};
  std::vector<Item> names;
  for (const auto* device : devices) {
    names.emplace_back(Word{describe(*device)});
    add_way(refusal.remedy, {own_command({"enable", "--add-device", device->address.str()})});
    refusal.devices.push_back(device->address);
  }
  refusal.data.emplace_back("devices", std::move(names));
  return refusal;
}

/// Why a device that is there is not one to be added.
Refusal unfit(const PciDevice& device) {
  const std::vector about = {device.address};
  if (is_bmc_display(device)) {
    return {RefusalCause::management_display, {{"gpu", device.address}}, {}, about};
  }
  Refusal refusal{RefusalCause::not_addable,
                  {{"device", device.address}, {"name", Word{name_of(device)}}},
                  {list_of_devices()},
                  about};
  if (device.device_class.is_display()) refusal.remedy = choice_of(about);
  return refusal;
}

void add_once(std::vector<const PciDevice*>& devices, const PciDevice* device) {
  if (std::ranges::find(devices, device) == devices.end()) devices.push_back(device);
}

void add_named(const SystemFacts& facts, const DeviceSpec& spec, ExtraChoice& choice) {
  std::vector<const PciDevice*> found;
  for (const auto& device : facts.devices) {
    const auto* address = std::get_if<PciAddress>(&spec);
    const bool is_named =
        address != nullptr ? device.address == *address : device.id == std::get<PciId>(spec);
    if (is_named) found.push_back(&device);
  }
  const Data data = {{"spec", spec_item(spec)}};
  if (found.empty()) {
    choice.refusals.push_back({RefusalCause::spec_not_found, data, {list_of_devices()}});
  } else if (found.size() > 1) {
    choice.refusals.push_back(ambiguous(RefusalCause::several_devices_match, data, found));
  } else if (!is_addable(facts, *found.front())) {
    choice.refusals.push_back(unfit(*found.front()));
  } else {
    add_once(choice.devices, found.front());
  }
}

/// Follows a kept choice to where it sits now.
void add_kept(const SystemFacts& facts, const CardIdentity& identity,
              const std::vector<CardIdentity>& kept, ExtraChoice& choice) {
  std::vector<const PciDevice*> same;
  for (const auto& device : facts.devices) {
    if (!identity.is_same_model(device)) continue;
    if (device.address == identity.address) return add_once(choice.devices, &device);
    // What sits where another kept choice was made is that choice.
    const bool is_other =
        std::ranges::find(kept, device.address, &CardIdentity::address) != kept.end();
    if (!is_other) same.push_back(&device);
  }
  const Data data = {{"id", identity.id}, {"address", identity.address}};
  if (same.size() == 1) {
    add_once(choice.devices, same.front());
    choice.notes.push_back(
        {NoteCause::device_moved,
         {{"id", identity.id}, {"from", identity.address}, {"to", same.front()->address}}});
  } else if (same.empty()) {
    std::vector<std::string> rest = {"enable"};
    for (const auto& other : kept) {
      if (other == identity) continue;
      rest.insert(rest.end(), {"--add-device", other.address.str()});
    }
    if (rest.size() == 1) rest.insert(rest.end(), {"--add-device", "none"});
    choice.refusals.push_back(
        {RefusalCause::kept_device_gone, data, {own_command(std::move(rest))}, {identity.address}});
  } else {
    choice.refusals.push_back(ambiguous(RefusalCause::kept_device_ambiguous, data, same));
  }
}

Reason reason_of(const HostUse& use) {
  using enum HostUse::Kind;
  const Datum disk("disk", Word{use.what});
  switch (use.kind) {
    case mounted:
      return {ReasonCause::disk_mounted, {disk, {"point", Place{use.where}}}};
    case listed:
      return {ReasonCause::disk_in_fstab, {disk, {"point", Place{use.where}}}};
    case swap:
      return {ReasonCause::disk_swapped_to, {disk}};
    case assembled:
      return {ReasonCause::disk_assembled, {disk, {"into", Name{use.where}}}};
    case route:
      return {ReasonCause::default_route, {{"interface", Name{use.what}}}};
    case unknown:
      break;
  }
  return {ReasonCause::disk_use_unknown, {disk}};
}

/// True where no keyboard would stay with the host.
bool takes_last_keyboard(const SystemFacts& facts, const PciDevice& device,
                         const std::vector<PciAddress>& leaving) {
  return device.keyboard && !facts.keyboard_elsewhere &&
         std::ranges::none_of(facts.devices, [&](const PciDevice& other) {
           return other.keyboard && !contains(leaving, other.address);
         });
}

void add_use_refusal(const SystemFacts& facts, const PciDevice& device,
                     const std::vector<PciAddress>& leaving, std::vector<Refusal>& refusals) {
  std::vector<Item> uses;
  Remedy remedy;
  const auto say = [&](ByHand what) {
    if (std::ranges::find(remedy, RemedyStep(Manual{what})) == remedy.end()) {
      remedy.emplace_back(Manual{what});
    }
  };
  for (const auto& use : device.uses) {
    uses.emplace_back(reason_of(use));
    using enum HostUse::Kind;
    if (use.kind == route) say(ByHand::move_default_route);
    if (use.kind == mounted || use.kind == listed) say(ByHand::unmount_disk);
  }
  if (takes_last_keyboard(facts, device, leaving)) {
    uses.emplace_back(Reason(ReasonCause::only_keyboard));
    say(ByHand::move_keyboard_or_disk);
  }
  if (uses.empty()) return;
  refusals.push_back({RefusalCause::device_in_use,
                      {{"device", device.address}, {"uses", std::move(uses)}},
                      std::move(remedy),
                      {device.address}});
}

/// What shares the group may go with the card as well, where all of it can.
Remedy with_blockers(const SystemFacts& facts, const std::vector<PciAddress>& blockers,
                     State asked) {
  for (const auto& address : blockers) {
    const auto& blocker = *find_device(facts, address);
    if (!is_addable(facts, blocker) || !blocker.uses.empty()) return {list_of_devices()};
    asked.extra_devices.push_back(identity_of(blocker));
  }
  return {command_for(asked)};
}

}  // namespace

bool is_addable(const SystemFacts& facts, const PciDevice& device) {
  constexpr std::array<std::uint8_t, 5> bases = {0x01, 0x02, 0x04, 0x0d, 0x12};
  constexpr std::array<std::uint16_t, 4> others = {0x0700, 0x0805, 0x0c00, 0x0c03};
  const auto device_class = device.device_class;
  const bool fits = std::ranges::find(bases, device_class.base()) != bases.end() ||
                    std::ranges::find(others, device_class.subclass()) != others.end();
  // Intel's VMD is a controller of disks, and a way to PCI functions of its own.
  return fits && std::ranges::none_of(facts.devices, [&](const PciDevice& other) {
           return std::ranges::find(other.bridges, device.address) != other.bridges.end();
         });
}

ExtraRequest extra_request(const std::optional<std::vector<DeviceSpec>>& named,
                           const State& state) {
  return {named, state.extra_devices, state.intent == Intent::enabled};
}

ExtraChoice find_extra_devices(const SystemFacts& facts, const ExtraRequest& request) {
  ExtraChoice choice;
  if (request.named) {
    for (const auto& spec : *request.named) add_named(facts, spec, choice);
  } else {
    for (const auto& identity : request.kept) add_kept(facts, identity, request.kept, choice);
  }
  return choice;
}

std::vector<Refusal> extra_refusals(const SystemFacts& facts, const PciDevice& device,
                                    const std::vector<PciAddress>& leaving,
                                    const ExtraRequest& request, const State& asked) {
  if (device.virtual_function) {
    return {{RefusalCause::virtual_device, {{"device", device.address}}, {}, {device.address}}};
  }
  auto refusals = isolation_refusals(facts, device, {device.address}, leaving);
  for (auto& refusal : refusals) {
    if (refusal.cause != RefusalCause::group_shared) continue;
    refusal.data.front() = {"device", device.address};
    refusal.remedy = with_blockers(facts, refusal.devices, asked);
  }
  const bool stands = request.is_standing &&
                      std::ranges::find(request.kept, identity_of(device)) != request.kept.end();
  if (!stands) add_use_refusal(facts, device, leaving, refusals);
  return refusals;
}

std::vector<Note> name_returning_disks(const SystemFacts& facts,
                                       const std::vector<CardIdentity>& devices) {
  constexpr std::uint8_t storage = 0x01;
  std::vector<Note> notes;
  for (const auto& one : devices) {
    const auto* device = find_device(facts, one.address);
    if (device == nullptr || device->device_class.base() != storage || device->disks.empty()) {
      continue;
    }
    notes.push_back({NoteCause::disks_return,
                     {{"device", device->address}, {"disks", words_of(device->disks)}}});
  }
  return notes;
}

}  // namespace vfio_switch
