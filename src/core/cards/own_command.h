// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/cards/intent.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// The command that asks for what `state` holds: `enable` with every device and every accepted risk
/// named, so that it works wherever it is copied to, or `disable`. `options` go last.
[[nodiscard]] Run command_for(const State& state, const std::vector<std::string>& options = {});

/// Ways to go on: `enable` for each of `cards`.
[[nodiscard]] Remedy choice_of(const std::vector<PciAddress>& cards);

}  // namespace vfio_switch
