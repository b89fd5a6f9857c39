// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/evidence.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <variant>

#include "core/modules/module_parameters.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

/// Who makes `request`, in `stage`, and which of its modules matter.
Reason link_of(const LoadRequest& request, Stage stage, const Claim& claim) {
  using enum ReasonCause;
  const bool early = stage == Stage::image;
  const Datum modules("modules", words_of(deciding_modules(request, claim)));
  if (request.requester == Item(Place{std::string(command_line_path)})) {
    return {early ? parameter_loads_early : parameter_loads, {modules}};
  }
  const auto* device = std::get_if<PciAddress>(&request.requester);
  if (device == nullptr) {
    return {early ? list_loads_early : list_loads, {{"place", request.requester}, modules}};
  }
  if (*device == claim.device) return {early ? udev_loads_early : udev_loads, {modules}};
  return {early ? udev_loads_early_for : udev_loads_for, {modules, {"device", *device}}};
}

}  // namespace

std::vector<Reason> why_vfio_first(const std::vector<ModprobeDirective>& directives,
                                   const std::vector<std::string>& modules) {
  std::vector<Reason> reasons;
  const auto vfio = std::ranges::find(modules, vfio_pci);
  for (auto module = vfio; module != modules.end(); ++module) {
    const auto* line = effective_softdep(directives, *module);
    if (line == nullptr) continue;
    const auto before = parse_softdep(line->arguments).pre;
    if (std::ranges::find(before, vfio_pci, module_name) == before.end()) continue;
    reasons.push_back(
        {ReasonCause::softdep_before, {{"place", line->place()}, {"module", Word{*module}}}});
  }
  return reasons;
}

std::vector<std::string> deciding_modules(const LoadRequest& request, const Claim& claim) {
  std::vector<std::string> modules;
  std::ranges::copy_if(request.modules, std::back_inserter(modules), [&](const auto& module) {
    return module == vfio_pci || std::ranges::binary_search(claim.modules, module);
  });
  return modules;
}

std::vector<Reason> links_of(const LoadStep& step, const Claim& claim, const LoadRequest* last,
                             const std::optional<Reason>& giver) {
  const Item own(claim.device);
  std::vector<std::string> asked;
  for (const auto& request : step.requests) {
    if (request.requester == own) asked = deciding_modules(request, claim);
  }
  std::vector<Reason> links;
  for (const auto& request : step.requests) {
    const auto modules = deciding_modules(request, claim);
    // Other devices load the same drivers; that says nothing more.
    const bool again = std::holds_alternative<PciAddress>(request.requester) &&
                       request.requester != own && !asked.empty() && !modules.empty() &&
                       modules.front() == asked.front();
    if (!modules.empty() && !again) {
      links.push_back(link_of(request, step.stage, claim));
      links.insert(links.end(), request.order.begin(), request.order.end());
      const bool has_vfio = std::ranges::find(modules, vfio_pci) != modules.end();
      if (has_vfio && giver) links.push_back(*giver);
    }
    if (&request == last) break;
  }
  return links;
}

}  // namespace vfio_switch
