// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_start.h"

#include <algorithm>
#include <string_view>

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

void add(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const auto& word : more) {
    if (!holds(list, word)) list.push_back(word);
  }
}

/// The request that has vfio-pci loaded with ids of its own; null where none does, or vfio-pci is
/// loaded by another one before.
const LoadRequest* loads_with_ids(const std::vector<LoadStep>& steps) {
  for (const auto& step : steps) {
    for (const auto& request : step.requests) {
      if (!holds(request.modules, vfio_pci)) continue;
      return request.ids ? &request : nullptr;
    }
  }
  return nullptr;
}

/// Who takes the function while `request` is carried out; nothing: nobody.
std::optional<std::string> taker(const LoadRequest& request, const Claim& claim, bool binds) {
  const auto found = std::ranges::find_if(request.modules, [&](const std::string& module) {
    return module == vfio_pci ? binds : std::ranges::binary_search(claim.modules, module);
  });
  return found == request.modules.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

ImageOutcome run_image(const std::vector<LoadStep>& steps, const Claim& claim,
                       const PciDevice& device, Bound bound) {
  ImageOutcome outcome;
  if (const auto* request = loads_with_ids(steps)) {
    bound.by_id = request->ids->match(device);
    if (!bound.by_address) outcome.list = request->where;
  }
  const bool binds = claim.built_in.empty() ? bound.at_all() : bound.by_address;
  for (const auto& step : steps) {
    const bool open = !outcome.winner;
    for (const auto& request : step.requests) {
      add(outcome.modules, request.modules);
      if (!outcome.unclear && !outcome.winner) outcome.unclear = request.unclear;
      const auto first = taker(request, claim, binds);
      if (!first || !open) continue;
      const bool worse = !step.ordered && outcome.winner == vfio_pci && *first != vfio_pci;
      if (!outcome.winner || worse) outcome.winner = first;
    }
  }
  for (const auto& module : outcome.modules) {
    const bool takes =
        module == vfio_pci ? binds : std::ranges::binary_search(claim.modules, module);
    if (takes) outcome.contenders.push_back(module);
  }
  if (outcome.winner) {
    // The winner first, also where it came later in a step without an order.
    std::ranges::stable_partition(outcome.contenders,
                                  [&](const auto& m) { return m == outcome.winner; });
  }
  return outcome;
}

LoadOrder after_image(LoadOrder root, const ImageOutcome& image, const Claim& claim) {
  // What the bind script does not take from it in the image, it may in the real root.
  if (!claim.built_in.empty() && image.winner != vfio_pci) return root;
  auto modules = image.modules;
  add(modules, root.modules);
  root.modules = std::move(modules);
  if (image.winner) {
    auto contenders = image.contenders;
    add(contenders, root.contenders);
    root.contenders = std::move(contenders);
    root.stage = Stage::image;
    root.proved = !image.unclear;
    root.reason = image.unclear;
    const bool vfio = image.winner == vfio_pci;
    root.winner = vfio ? "vfio-pci" : *image.winner;
    if (vfio && image.list) root.reason = {ReasonCause::list_gives_ids, {{"place", *image.list}}};
    if (!vfio) root.reason = {ReasonCause::early_in_image, {{"module", Word{*image.winner}}}};
    return root;
  }
  if (image.unclear) {
    root.proved = false;
    root.reason = image.unclear;
  }
  if (!holds(image.modules, vfio_pci)) return root;
  // Loaded, and without the card's ids: the softdeps of the real root find nothing left to do.
  std::erase(root.contenders, vfio_pci);
  root.winner.reset();
  if (!root.contenders.empty()) root.winner = root.contenders.front();
  root.reason = ReasonCause::image_lacks_binding;
  if (image.list) root.reason = {ReasonCause::list_lacks_ids, {{"place", *image.list}}};
  return root;
}

}  // namespace vfio_switch
