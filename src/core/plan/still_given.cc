// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/still_given.h"

#include <algorithm>
#include <variant>

#include "core/binding/giver.h"

namespace vfio_switch {

std::vector<Note> still_given(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                              const DriverConfig& config, const std::vector<std::string>& ours) {
  std::vector<Note> notes;
  for (const auto& giver : find_givers(facts, config.modprobe)) {
    const auto* word = std::get_if<Parameter>(&giver.what);
    if (word != nullptr && std::ranges::find(ours, word->text) != ours.end()) continue;
    const bool gives = std::ranges::any_of(giver.devices, [&](const PciAddress& address) {
      return std::ranges::find(functions, address) != functions.end();
    });
    if (!gives) continue;
    notes.push_back({NoteCause::still_given,
                     {{"what", giver.what}, {"driver", Word{giver.driver}}},
                     release(facts, giver, functions)});
  }
  return notes;
}

}  // namespace vfio_switch
