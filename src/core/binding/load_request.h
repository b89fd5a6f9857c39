// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/machine/early_module.h"
#include "core/message/data.h"
#include "core/modules/load_order.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

/// The modules that one line of a list, or one device's alias, would load.
struct LoadRequest {
  std::vector<std::string> modules;  ///< in load order, underscores
  std::optional<Reason> unclear;     ///< why that is not certain; nothing where it is
  /// Who makes it: the Place of a list, the PciAddress that udev makes it for, or the Word that a
  /// user would say.
  Item requester = Word{};
  /// What the request gives to vfio-pci, if vfio-pci is not loaded yet; see EarlyModule::ids.
  std::optional<VfioIds> ids = {};
  /// The same, to pci-stub.
  std::optional<VfioIds> stub_ids = {};
  std::vector<Reason> order = {};  ///< what of the configuration puts vfio-pci in front
};

/// Puts the ids of `early`, which `request` is made for, where they count.
void give_ids(LoadRequest& request, const EarlyModule& early);

/// Requests that are carried out one after the other, or, where not `ordered`, in any order.
struct LoadStep {
  bool ordered = true;
  std::vector<LoadRequest> requests;
  Stage stage = Stage::image;
};

}  // namespace vfio_switch
