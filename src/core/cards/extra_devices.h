// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/cards/intent.h"
#include "core/cards/refusal.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/pci/device_spec.h"

namespace vfio_switch {

/// Which devices go with the card: a USB controller, a network or sound device, a controller of
/// disks.
struct ExtraRequest {
  /// --add-device, or `extra-devices` in the settings; without a spec: none at all.
  std::optional<std::vector<DeviceSpec>> named;
  std::vector<CardIdentity> kept;  ///< the choice of an earlier enable; `named` replaces it
  /// `kept` is in force. What the host uses of it in a boot without passthrough is no reason then.
  bool is_standing = false;
};

[[nodiscard]] ExtraRequest extra_request(const std::optional<std::vector<DeviceSpec>>& named,
                                         const State& state);

/// The devices that were asked for, as far as they are there.
struct ExtraChoice {
  std::vector<const PciDevice*> devices;  ///< each once
  std::vector<Refusal> refusals;          ///< of those that are not there, or cannot be told apart
  std::vector<Note> notes;
};

/// One that could go with the card, and why it cannot.
struct ExtraCandidate {
  PciAddress address;
  std::vector<Refusal> refusals;  ///< empty: it can
  bool selected = false;
};

/// True for what a guest can use by itself. What belongs to the board (bridges, memory and system
/// management, the security processor) is none, nor is a display, which is a card.
[[nodiscard]] bool is_addable(const SystemFacts& facts, const PciDevice& device);

[[nodiscard]] ExtraChoice find_extra_devices(const SystemFacts& facts, const ExtraRequest& request);

/// Every reason why `device` cannot go with the card; empty: it can. `leaving` is every function
/// that would leave the host, sorted; `asked` is what was asked for, to be repeated in a command.
[[nodiscard]] std::vector<Refusal> extra_refusals(const SystemFacts& facts, const PciDevice& device,
                                                  const std::vector<PciAddress>& leaving,
                                                  const ExtraRequest& request, const State& asked);

/// The controllers of disks among `devices`, whose disks a boot without passthrough gives to the
/// host, too. Once vfio-pci has them, their disks are not known.
[[nodiscard]] std::vector<Note> name_returning_disks(const SystemFacts& facts,
                                                     const std::vector<CardIdentity>& devices);

}  // namespace vfio_switch
