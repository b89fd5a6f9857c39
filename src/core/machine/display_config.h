// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message/remedy.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// Where Ubuntu's prime-select keeps which GPU renders.
constexpr std::string_view prime_profile_path = "/etc/prime-discrete";

/// Lets the processor's GPU render instead of the NVIDIA card.
[[nodiscard]] Run select_integrated_gpu();

/// A line of the host's configuration that gives its display to one card.
struct DisplayClaim {
  PciAddress address;
  Place where;            ///< "/etc/X11/xorg.conf:12"
  std::string text = {};  ///< of the line

  bool operator==(const DisplayClaim&) const = default;
};

/// The `BusID "PCI:1:0:0"` lines of an xorg.conf(5): decimal bus, device and function, the domain
/// behind an '@' of the bus.
[[nodiscard]] std::vector<DisplayClaim> parse_xorg_config(std::string_view file,
                                                          std::string_view text);

/// The udev rules that attach a card to a seat, as `loginctl attach` writes them.
[[nodiscard]] std::vector<DisplayClaim> parse_seat_rules(std::string_view file,
                                                         std::string_view text);

}  // namespace vfio_switch
