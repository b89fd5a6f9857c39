// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/own_command.h"

#include <algorithm>
#include <utility>

namespace vfio_switch {

Run command_for(const State& state, const std::vector<std::string>& options) {
  std::vector<std::string> arguments;
  if (state.intent == Intent::enabled) {
    arguments.emplace_back("enable");
    for (const auto& card : state.cards) {
      arguments.insert(arguments.end(), {"--device", card.address.str()});
    }
    for (const auto& device : state.extra_devices) {
      arguments.insert(arguments.end(), {"--add-device", device.address.str()});
    }
    for (const auto& [risk, option] :
         {std::pair(RefusalCode::boot_gpu, "--allow-boot-gpu"),
          std::pair(RefusalCode::display_in_use, "--allow-display-in-use")}) {
      const bool accepted =
          std::ranges::find(state.accepted_risks, risk) != state.accepted_risks.end();
      if (accepted) arguments.emplace_back(option);
    }
  } else {
    arguments.emplace_back("disable");
  }
  arguments.insert(arguments.end(), options.begin(), options.end());
  return own_command(std::move(arguments));
}

Remedy choice_of(const std::vector<PciAddress>& cards) {
  Remedy remedy;
  for (const auto& card : cards) {
    add_way(remedy, {own_command({"enable", "--device", card.str()})});
  }
  return remedy;
}

}  // namespace vfio_switch
