// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/reset_trouble.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace vfio_switch {

namespace {

struct Range {
  std::uint16_t first;
  std::uint16_t last;
  std::string_view family;
};

/// The device ids of the chips (the PCI ID database, and vendor-reset's list of devices). Its
/// entries for processors' graphics and for Navi 23, which others see reset well, are left out.
constexpr std::array<Range, 10> families = {{
    {0x66a0, 0x66af, "Vega 20"},
    {0x67c0, 0x67df, "Polaris 10"},
    {0x67e0, 0x67ff, "Polaris 11"},
    {0x6860, 0x687f, "Vega 10"},
    {0x6980, 0x699f, "Polaris 12"},
    {0x6fdf, 0x6fdf, "Polaris 10"},
    {0x7310, 0x731f, "Navi 10"},
    {0x7340, 0x734f, "Navi 14"},
    {0x7360, 0x7362, "Navi 12"},
    {0x738c, 0x738c, "Arcturus"},
}};

}  // namespace

std::string_view reset_trouble(PciId id) {
  constexpr std::uint16_t amd = 0x1002;
  const auto* found = std::ranges::find_if(families, [&](const Range& range) {
    return id.vendor == amd && id.device >= range.first && id.device <= range.last;
  });
  return found == families.end() ? std::string_view() : found->family;
}

}  // namespace vfio_switch
