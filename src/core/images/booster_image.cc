// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/booster_image.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

/// "vfio_pci: ids=10de:2d04" without its key; nothing where the line is about another module.
std::optional<std::string_view> options_of(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  if (module_name(line.substr(0, colon)) != vfio_pci) return std::nullopt;
  return trim(line.substr(colon + 1));
}

}  // namespace

std::optional<std::vector<EarlyModule>> parse_booster_config(std::string_view content) {
  std::vector<EarlyModule> forced;
  std::optional<VfioIds> ids;
  std::string_view section;
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    const auto words = trim(line);
    if (!line.starts_with(' ')) section = words;
    if (line.starts_with("modulesforceload") && words != "modulesforceload:") return std::nullopt;
    if (line.starts_with('-')) return std::nullopt;
    if (line == words) continue;
    if (section == "modulesforceload:" && words.starts_with("- ")) {
      const Place where{std::string(booster_config_path), number};
      forced.push_back({module_name(trim(words.substr(2))), where});
    } else if (section == "modprobeoptions:") {
      if (const auto options = options_of(words)) ids = ids_option(*options);
    }
  }
  for (auto& one : forced) {
    if (one.module == vfio_pci) one.ids = ids.value_or(VfioIds());
  }
  return forced;
}

LoadStep booster_step(const std::vector<EarlyModule>& forced,
                      const std::vector<std::string>& modules, const Claim& claim) {
  LoadStep step;
  step.ordered = false;
  for (const auto& one : forced) {
    if (!std::ranges::binary_search(modules, one.module)) continue;
    LoadRequest request{{one.module}, {}, one.where};
    request.ids = one.ids;
    step.requests.push_back(std::move(request));
  }
  for (const auto& module : claim.modules) {
    if (!std::ranges::binary_search(modules, module)) continue;
    step.requests.push_back({{module}, {}, claim.device});
  }
  return step;
}

}  // namespace vfio_switch
