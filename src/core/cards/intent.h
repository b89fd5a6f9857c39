// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cards/refusal.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// What the administrator wants. `unset` until the first enable: nothing of ours on the machine.
enum class Intent { unset, enabled, disabled };

[[nodiscard]] constexpr std::string_view to_string(Intent intent) {
  return intent == Intent::enabled ? "enabled" : "disabled";
}

/// Which GPU was chosen: more than its address, because addresses move when cards are added.
struct CardIdentity {
  PciAddress address;
  PciId id;
  PciId subsystem;
  PciClass device_class;

  /// True if `device` is this GPU, wherever it sits now.
  [[nodiscard]] bool is_same_model(const PciDevice& device) const {
    return id == device.id && subsystem == device.subsystem && device_class == device.device_class;
  }

  bool operator==(const CardIdentity&) const = default;
};

/// What is remembered between runs: state.json.
struct State {
  Intent intent = Intent::unset;
  std::vector<CardIdentity> cards;
  /// Risks accepted by flag when the cards were chosen; a later refresh does not ask again.
  std::vector<RefusalCode> accepted_risks;
  std::vector<std::string> boot_parameters = {};  ///< kernel parameters that are ours

  bool operator==(const State&) const = default;
};

}  // namespace vfio_switch
