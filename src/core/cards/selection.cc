// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/selection.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/cards/card.h"
#include "core/cards/isolation.h"
#include "core/cards/own_command.h"

namespace vfio_switch {

namespace {

bool contains(const std::vector<PciAddress>& addresses, const PciAddress& address) {
  return std::ranges::binary_search(addresses, address);
}

bool accepted(const SelectionRequest& request, RefusalCode code) {
  // The boot GPU's flag names the larger risk: whoever gives away the only GPU gives away that.
  if (code == RefusalCode::only_gpu) code = RefusalCode::boot_gpu;
  return std::ranges::find(request.accepted_risks, code) != request.accepted_risks.end();
}

bool is_iommu_off(const Refusal& refusal) {
  return refusal.code() == RefusalCode::iommu_off;
}

std::vector<PciAddress> sorted_union(const std::vector<PciAddress>& left,
                                     const std::vector<PciAddress>& right) {
  std::vector<PciAddress> both;
  std::ranges::set_union(left, right, std::back_inserter(both));
  return both;
}

/// The candidates whose card holds what `spec` names, one for each card.
std::vector<const Candidate*> matching_cards(const SystemFacts& facts,
                                             const std::vector<Candidate>& gpus,
                                             const DeviceSpec& spec) {
  const auto names = [&](const PciAddress& address) {
    if (const auto* wanted = std::get_if<PciAddress>(&spec)) return *wanted == address;
    const auto* device = find_device(facts, address);
    return device != nullptr && device->id == std::get<PciId>(spec);
  };
  std::vector<const Candidate*> found;
  for (const auto& gpu : gpus) {
    const bool same_card = std::ranges::any_of(
        found, [&](const Candidate* other) { return other->functions == gpu.functions; });
    if (!same_card && std::ranges::any_of(gpu.functions, names)) found.push_back(&gpu);
  }
  return found;
}

Item spec_item(const DeviceSpec& spec) {
  return std::visit([](const auto& value) { return Item(value); }, spec);
}

std::vector<PciAddress> gpu_addresses(const std::vector<const Candidate*>& candidates) {
  std::vector<PciAddress> addresses;
  for (const auto* candidate : candidates) addresses.push_back(candidate->gpu);
  return addresses;
}

/// Several cards fit; `data` is what the sentence says before it lists them.
Refusal ambiguous(const SystemFacts& facts, RefusalCause cause, Data data,
                  const std::vector<const Candidate*>& candidates) {
  std::vector<Item> names;
  for (const auto* candidate : candidates) {
    names.emplace_back(Word{describe(*find_device(facts, candidate->gpu))});
  }
  data.emplace_back("cards", std::move(names));
  const auto addresses = gpu_addresses(candidates);
  return {cause, std::move(data), choice_of(addresses), addresses};
}

std::vector<const Candidate*> resolve_named(const SystemFacts& facts,
                                            const SelectionRequest& request, Selection& selection) {
  std::vector<const Candidate*> chosen;
  for (const auto& spec : request.named) {
    const auto found = matching_cards(facts, selection.gpus, spec);
    if (found.size() > 1) {
      selection.refusals.push_back(
          ambiguous(facts, RefusalCause::several_match, {{"spec", spec_item(spec)}}, found));
    } else if (found.empty()) {
      const auto* address = std::get_if<PciAddress>(&spec);
      const auto* device = address == nullptr ? nullptr : find_device(facts, *address);
      const Run list = own_command({"devices"});
      Refusal refusal{RefusalCause::spec_not_found, {{"spec", spec_item(spec)}}, {list}};
      if (device != nullptr) {
        refusal.cause = RefusalCause::not_a_graphics_card;
        refusal.data = {{"device", device->address}, {"name", Word{name_of(*device)}}};
      }
      if (address != nullptr) refusal.devices = {*address};
      selection.refusals.push_back(std::move(refusal));
    } else if (std::ranges::find(chosen, found.front()) == chosen.end()) {
      chosen.push_back(found.front());
    }
  }
  return chosen;
}

/// One candidate for each card that nothing stands in the way of.
std::vector<const Candidate*> eligible_candidates(const std::vector<Candidate>& gpus) {
  std::vector<const Candidate*> eligible;
  for (const auto& gpu : gpus) {
    const bool same_card = std::ranges::any_of(
        eligible, [&](const Candidate* other) { return other->functions == gpu.functions; });
    if (gpu.eligible() && !same_card) eligible.push_back(&gpu);
  }
  return eligible;
}

/// Follows each kept choice to where it sits now.
std::vector<const Candidate*> resolve_kept(const SystemFacts& facts,
                                           const SelectionRequest& request, Selection& selection) {
  std::vector<const Candidate*> chosen;
  for (const auto& identity : request.kept) {
    std::vector<const Candidate*> same;
    for (const auto& gpu : selection.gpus) {
      if (identity.is_same_model(*find_device(facts, gpu.gpu))) same.push_back(&gpu);
    }
    const auto at_address =
        std::ranges::find(same, identity.address, [](const Candidate* c) { return c->gpu; });
    if (at_address != same.end()) {
      chosen.push_back(*at_address);
      continue;
    }
    // What sits where another kept choice was made is that choice.
    std::erase_if(same, [&](const Candidate* candidate) {
      return std::ranges::find(request.kept, candidate->gpu, &CardIdentity::address) !=
             request.kept.end();
    });
    const Data data = {{"id", identity.id}, {"address", identity.address}};
    if (same.size() == 1) {
      chosen.push_back(same.front());
      selection.notes.push_back(
          {NoteCause::card_moved,
           {{"id", identity.id}, {"from", identity.address}, {"to", same.front()->gpu}}});
    } else if (same.empty()) {
      Remedy remedy = {Manual{ByHand::insert_card}};
      add_way(remedy, choice_of(gpu_addresses(eligible_candidates(selection.gpus))));
      selection.refusals.push_back(
          {RefusalCause::kept_card_gone, data, std::move(remedy), {identity.address}});
    } else {
      selection.refusals.push_back(ambiguous(facts, RefusalCause::kept_card_ambiguous, data, same));
    }
  }
  return chosen;
}

/// Adds what is not said yet; what is true of several devices is said once.
void add_refusals(std::vector<Refusal>& refusals, const std::vector<Refusal>& more) {
  for (const auto& refusal : more) {
    const auto said = std::ranges::find_if(
        refusals, [&](const Refusal& other) { return says_the_same(other, refusal); });
    if (said == refusals.end()) {
      refusals.push_back(refusal);
    } else if (said->devices != refusal.devices) {
      said->devices.insert(said->devices.end(), refusal.devices.begin(), refusal.devices.end());
      std::ranges::sort(said->devices);
    }
  }
}

/// One candidate for each card, those first that least stands in the way of.
std::vector<const Candidate*> by_distance(const std::vector<Candidate>& gpus) {
  std::vector<const Candidate*> cards;
  for (const auto& gpu : gpus) {
    const bool same_card = std::ranges::any_of(
        cards, [&](const Candidate* other) { return other->functions == gpu.functions; });
    if (!same_card) cards.push_back(&gpu);
  }
  std::ranges::sort(cards, {},
                    [](const Candidate* gpu) { return std::pair(gpu->refusals.size(), gpu->gpu); });
  return cards;
}

/// True where the kernel says which GPU drove the display at boot.
bool is_boot_gpu_known(const SystemFacts& facts) {
  return std::ranges::any_of(facts.devices, [](const PciDevice& device) {
    return device.device_class.is_display() && device.boot_vga == true;
  });
}

/// One candidate for each card against which `request` leaves nothing.
std::vector<const Candidate*> accepted_candidates(const std::vector<Candidate>& gpus,
                                                  const SelectionRequest& request) {
  auto cards = by_distance(gpus);
  std::erase_if(cards, [&](const Candidate* gpu) {
    return !std::ranges::all_of(
        gpu->refusals, [&](const Refusal& refusal) { return accepted(request, refusal.code()); });
  });
  return cards;
}

/// The only eligible card, unless it may be what the machine boots on; where there is none, the
/// only one whose risks are accepted.
std::vector<const Candidate*> resolve_automatic(const SystemFacts& facts,
                                                const SelectionRequest& request,
                                                Selection& selection) {
  auto eligible = eligible_candidates(selection.gpus);
  if (eligible.empty()) eligible = accepted_candidates(selection.gpus, request);
  if (eligible.size() > 1) {
    selection.refusals.push_back(ambiguous(facts, RefusalCause::several_eligible, {}, eligible));
    return {};
  }
  if (eligible.empty()) {
    for (const auto* gpu : by_distance(selection.gpus)) {
      add_refusals(selection.refusals, gpu->refusals);
    }
    if (selection.gpus.empty()) {
      selection.refusals.push_back({RefusalCause::no_gpu});
    }
    return {};
  }
  if (!is_boot_gpu_known(facts) && !accepted(request, RefusalCode::boot_gpu)) {
    const std::vector gpu = {eligible.front()->gpu};
    selection.refusals.push_back(
        {RefusalCause::boot_gpu_unknown, {{"gpu", gpu.front()}}, choice_of(gpu), gpu});
    return {};
  }
  return eligible;
}

std::vector<const Candidate*> choose(const SystemFacts& facts, const SelectionRequest& request,
                                     Selection& selection) {
  if (!request.named.empty()) return resolve_named(facts, request, selection);
  if (!request.kept.empty()) return resolve_kept(facts, request, selection);
  return resolve_automatic(facts, request, selection);
}

std::vector<PciAddress> sorted_addresses(const std::vector<const PciDevice*>& devices) {
  std::vector<PciAddress> addresses;
  for (const auto* device : devices) addresses.push_back(device->address);
  std::ranges::sort(addresses);
  return addresses;
}

State asked_for(const Selection& selection) {
  State state{Intent::enabled, selection.cards, selection.accepted_risks};
  state.extra_devices = selection.extra_devices;
  return state;
}

/// What goes with the chosen cards. A function `of_cards` that was named goes with them anyway.
void add_extra_devices(const SystemFacts& facts, const SelectionRequest& request,
                       const ExtraChoice& extra, const std::vector<PciAddress>& of_cards,
                       Selection& selection) {
  add_refusals(selection.refusals, extra.refusals);
  std::ranges::copy(extra.notes, std::back_inserter(selection.notes));
  for (const auto* device : extra.devices) {
    if (!contains(of_cards, device->address)) {
      selection.extra_devices.push_back(identity_of(*device));
    }
  }
  for (const auto& one : selection.extra_devices) {
    auto refusals = extra_refusals(facts, *find_device(facts, one.address), selection.functions,
                                   request.extra, asked_for(selection));
    if (request.iommu_coming) std::erase_if(refusals, is_iommu_off);
    add_refusals(selection.refusals, refusals);
  }
}

}  // namespace

SelectionRequest kept_choice(const State& state) {
  return {
      .named = {}, .kept = state.cards, .accepted_risks = {}, .extra = extra_request({}, state)};
}

std::vector<ExtraCandidate> extra_candidates(const SystemFacts& facts,
                                             const SelectionRequest& request,
                                             const Selection& selection) {
  std::vector<ExtraCandidate> candidates;
  for (const auto& device : facts.devices) {
    const bool of_card = std::ranges::any_of(selection.gpus, [&](const Candidate& gpu) {
      return contains(gpu.functions, device.address);
    });
    if (of_card || !is_addable(facts, device)) continue;
    auto asked = asked_for(selection);
    const bool selected = contains(selection.functions, device.address);
    if (!selected) asked.extra_devices.push_back(identity_of(device));
    const auto leaving = sorted_union(selection.functions, {device.address});
    candidates.push_back(
        {device.address, extra_refusals(facts, device, leaving, request.extra, asked), selected});
  }
  return candidates;
}

Selection select(const SystemFacts& facts, const SelectionRequest& request) {
  Selection selection;
  selection.accepted_risks = request.accepted_risks;
  const auto extra = find_extra_devices(facts, request.extra);
  const auto added = sorted_addresses(extra.devices);
  for (const auto& device : facts.devices) {
    if (!device.device_class.is_display()) continue;
    Candidate candidate{device.address, card_functions(facts, device), {}, false};
    candidate.refusals =
        card_refusals(facts, device, candidate.functions, sorted_union(candidate.functions, added));
    if (request.iommu_coming) {
      std::erase_if(candidate.refusals, is_iommu_off);
    }
    selection.gpus.push_back(std::move(candidate));
  }
  std::ranges::sort(selection.gpus, {}, &Candidate::gpu);

  const bool by_name = !request.named.empty() || !request.kept.empty();
  const auto chosen = choose(facts, request, selection);
  for (const auto* candidate : chosen) {
    selection.functions = sorted_union(selection.functions, candidate->functions);
  }
  const auto of_cards = selection.functions;
  if (!chosen.empty()) selection.functions = sorted_union(of_cards, added);
  for (const auto* candidate : chosen) {
    const auto& gpu = *find_device(facts, candidate->gpu);
    selection.cards.push_back(identity_of(gpu));
    if (!by_name) continue;
    auto refusals = card_refusals(facts, gpu, candidate->functions, selection.functions);
    std::erase_if(refusals, [&](const Refusal& refusal) {
      return refusal.code() == RefusalCode::integrated || accepted(request, refusal.code()) ||
             (request.iommu_coming && is_iommu_off(refusal));
    });
    add_refusals(selection.refusals, refusals);
  }
  if (!chosen.empty()) add_extra_devices(facts, request, extra, of_cards, selection);
  for (auto& gpu : selection.gpus) gpu.selected = contains(selection.functions, gpu.gpu);
  return selection;
}

}  // namespace vfio_switch
