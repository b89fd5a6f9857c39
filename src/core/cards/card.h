// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/machine/facts.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// The function at `address`; null where there is none.
[[nodiscard]] const PciDevice* find_device(const SystemFacts& facts, const PciAddress& address);

/// Every function of the card that `gpu` is on, sorted by address: its slot, and what sits behind
/// the card's own PCIe switch. A virtual function is a card of its own.
[[nodiscard]] std::vector<PciAddress> card_functions(const SystemFacts& facts,
                                                     const PciDevice& gpu);

/// Part of the processor: on bus 00, or beside an APU's security processor (class 1080).
[[nodiscard]] bool is_integrated(const SystemFacts& facts, const PciDevice& gpu);

/// The display of a server's management controller (ASPEED or Matrox).
[[nodiscard]] bool is_bmc_display(const PciDevice& device);

/// "NVIDIA Corporation GP108 [GeForce GT 1030]", or its ids where the name is not known.
[[nodiscard]] std::string name_of(const PciDevice& device);

/// "0000:01:00.0 NVIDIA Corporation GP108 [GeForce GT 1030]"
[[nodiscard]] std::string describe(const PciDevice& device);

/// True if the driver that has `device` is `expected`, by its own name or by its module's.
[[nodiscard]] bool has_driver(const PciDevice& device, const std::optional<std::string>& expected);

}  // namespace vfio_switch
