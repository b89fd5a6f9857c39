// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/selection.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/cards/isolation.h"

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
  return refusal.code == RefusalCode::iommu_off;
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

std::string spec_text(const DeviceSpec& spec) {
  return std::visit([](const auto& value) { return value.str(); }, spec);
}

std::vector<PciAddress> gpu_addresses(const std::vector<const Candidate*>& candidates) {
  std::vector<PciAddress> addresses;
  for (const auto* candidate : candidates) addresses.push_back(candidate->gpu);
  return addresses;
}

Refusal ambiguous(const SystemFacts& facts, std::string_view what,
                  const std::vector<const Candidate*>& candidates) {
  std::vector<std::string> names;
  for (const auto* candidate : candidates) {
    names.push_back(describe(*find_device(facts, candidate->gpu)));
  }
  return {RefusalCode::ambiguous,
          std::string(what) + ": " + enumerate(names) + "; choose one with --device ADDRESS",
          gpu_addresses(candidates)};
}

std::vector<const Candidate*> resolve_named(const SystemFacts& facts,
                                            const SelectionRequest& request, Selection& selection) {
  std::vector<const Candidate*> chosen;
  for (const auto& spec : request.named) {
    const auto found = matching_cards(facts, selection.gpus, spec);
    if (found.size() > 1) {
      selection.refusals.push_back(
          ambiguous(facts, "several cards hold " + spec_text(spec), found));
    } else if (found.empty()) {
      const auto* address = std::get_if<PciAddress>(&spec);
      const auto* device = address == nullptr ? nullptr : find_device(facts, *address);
      selection.refusals.push_back(
          {RefusalCode::not_found,
           device == nullptr ? "this machine has no device " + spec_text(spec)
                             : describe(*device) + " is not part of a graphics card",
           address == nullptr ? std::vector<PciAddress>() : std::vector{*address}});
    } else if (std::ranges::find(chosen, found.front()) == chosen.end()) {
      chosen.push_back(found.front());
    }
  }
  return chosen;
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
    const auto what =
        "the chosen card " + identity.id.str() + " is not at " + identity.address.str();
    if (same.size() == 1) {
      chosen.push_back(same.front());
      selection.notes.push_back("the card " + identity.id.str() + " moved from " +
                                identity.address.str() + " to " + same.front()->gpu.str());
    } else if (same.empty()) {
      selection.refusals.push_back({RefusalCode::not_found,
                                    what + ", nor anywhere else; choose one with --device ADDRESS",
                                    {identity.address}});
    } else {
      selection.refusals.push_back(ambiguous(facts, what + ", and several are like it", same));
    }
  }
  return chosen;
}

/// Adds what is not said yet; what is true of several devices is said once.
void add_refusals(std::vector<Refusal>& refusals, const std::vector<Refusal>& more) {
  for (const auto& refusal : more) {
    const auto said = std::ranges::find_if(refusals, [&](const Refusal& other) {
      return other.code == refusal.code && other.message == refusal.message;
    });
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

/// The only eligible card.
std::vector<const Candidate*> resolve_automatic(const SystemFacts& facts, Selection& selection) {
  std::vector<const Candidate*> eligible;
  for (const auto& gpu : selection.gpus) {
    const bool same_card = std::ranges::any_of(
        eligible, [&](const Candidate* other) { return other->functions == gpu.functions; });
    if (gpu.eligible() && !same_card) eligible.push_back(&gpu);
  }
  if (eligible.size() > 1) {
    selection.refusals.push_back(ambiguous(facts, "several cards could be given away", eligible));
    return {};
  }
  if (eligible.empty()) {
    for (const auto* gpu : by_distance(selection.gpus)) {
      add_refusals(selection.refusals, gpu->refusals);
    }
    if (selection.gpus.empty()) {
      selection.refusals.push_back({RefusalCode::no_gpu, "this machine has no graphics card", {}});
    }
  }
  return eligible;
}

std::vector<const Candidate*> choose(const SystemFacts& facts, const SelectionRequest& request,
                                     Selection& selection) {
  if (!request.named.empty()) return resolve_named(facts, request, selection);
  if (!request.kept.empty()) return resolve_kept(facts, request, selection);
  return resolve_automatic(facts, selection);
}

}  // namespace

Selection select(const SystemFacts& facts, const SelectionRequest& request) {
  Selection selection;
  for (const auto& device : facts.devices) {
    if (!device.device_class.is_display()) continue;
    Candidate candidate{device.address, card_functions(facts, device), {}, false};
    candidate.refusals = card_refusals(facts, device, candidate.functions, candidate.functions);
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
  for (const auto* candidate : chosen) {
    const auto& gpu = *find_device(facts, candidate->gpu);
    selection.cards.push_back({gpu.address, gpu.id, gpu.subsystem, gpu.device_class});
    if (!by_name) continue;
    auto refusals = card_refusals(facts, gpu, candidate->functions, selection.functions);
    std::erase_if(refusals, [&](const Refusal& refusal) {
      return refusal.code == RefusalCode::integrated || accepted(request, refusal.code) ||
             (request.iommu_coming && is_iommu_off(refusal));
    });
    add_refusals(selection.refusals, refusals);
  }
  for (auto& gpu : selection.gpus) gpu.selected = contains(selection.functions, gpu.gpu);
  return selection;
}

}  // namespace vfio_switch
