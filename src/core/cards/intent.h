// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
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

/// Which device was chosen: more than its address, because addresses move when cards are added.
struct CardIdentity {
  PciAddress address;
  PciId id;
  PciId subsystem;
  PciClass device_class;

  /// True if `device` is this one, wherever it sits now.
  [[nodiscard]] bool is_same_model(const PciDevice& device) const {
    return id == device.id && subsystem == device.subsystem && device_class == device.device_class;
  }

  bool operator==(const CardIdentity&) const = default;
};

[[nodiscard]] inline CardIdentity identity_of(const PciDevice& device) {
  return {device.address, device.id, device.subsystem, device.device_class};
}

/// What is remembered between runs: state.json.
struct State {
  Intent intent = Intent::unset;
  std::vector<CardIdentity> cards;
  /// Risks accepted by flag when the cards were chosen; a later refresh does not ask again.
  std::vector<RefusalCode> accepted_risks;
  std::vector<std::string> boot_parameters = {};  ///< kernel parameters that are ours
  std::vector<CardIdentity> extra_devices = {};   ///< that go with the cards: --add-device

  bool operator==(const State&) const = default;
};

/// True for what goes with the cards of `state`.
[[nodiscard]] inline bool is_extra(const State& state, const PciAddress& address) {
  return std::ranges::find(state.extra_devices, address, &CardIdentity::address) !=
         state.extra_devices.end();
}

}  // namespace vfio_switch
