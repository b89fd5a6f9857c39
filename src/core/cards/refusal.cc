// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/refusal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vfio_switch {

namespace {

constexpr std::array<std::pair<RefusalCode, std::string_view>, 23> codes = {{
    {RefusalCode::no_gpu, "no-gpu"},
    {RefusalCode::only_gpu, "only-gpu"},
    {RefusalCode::boot_gpu, "boot-gpu"},
    {RefusalCode::integrated, "integrated"},
    {RefusalCode::host_display, "host-display"},
    {RefusalCode::virtual_function, "virtual-function"},
    {RefusalCode::display_in_use, "display-in-use"},
    {RefusalCode::in_use, "in-use"},
    {RefusalCode::group_shared, "group-shared"},
    {RefusalCode::ids_shared, "ids-shared"},
    {RefusalCode::ambiguous, "ambiguous"},
    {RefusalCode::iommu_off, "iommu-off"},
    {RefusalCode::no_vfio_module, "no-vfio-module"},
    {RefusalCode::not_found, "not-found"},
    {RefusalCode::config_conflict, "config-conflict"},
    {RefusalCode::boot_parameter, "boot-parameter"},
    {RefusalCode::foreign_environment, "foreign-environment"},
    {RefusalCode::boot_menu_unknown, "boot-menu-unknown"},
    {RefusalCode::not_automatic, "not-automatic"},
    {RefusalCode::cmdline_locked, "cmdline-locked"},
    {RefusalCode::boot_not_mounted, "boot-not-mounted"},
    {RefusalCode::user_edited, "user-edited"},
    {RefusalCode::interrupted, "interrupted"},
}};

}  // namespace

bool is_about_cards(RefusalCode code) {
  using enum RefusalCode;
  switch (code) {
    case no_gpu:
    case only_gpu:
    case boot_gpu:
    case integrated:
    case host_display:
    case virtual_function:
    case display_in_use:
    case in_use:
    case group_shared:
    case ids_shared:
    case ambiguous:
    case iommu_off:
    case not_found:
      return true;
    default:
      return false;
  }
}

std::string_view to_string(RefusalCode code) {
  const auto* found = std::ranges::find(codes, code, [](const auto& pair) { return pair.first; });
  return found->second;
}

std::optional<RefusalCode> parse_refusal_code(std::string_view text) {
  const auto* found = std::ranges::find(codes, text, [](const auto& pair) { return pair.second; });
  if (found == codes.end()) return std::nullopt;
  return found->first;
}

bool contains(const std::vector<Refusal>& refusals, RefusalCode code) {
  return std::ranges::find(refusals, code, &Refusal::code) != refusals.end();
}

}  // namespace vfio_switch
