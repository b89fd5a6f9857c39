// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/binding/driver_config.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// Of a card that is to stay with the host, or to come back: its functions that no driver will bind
/// though there is one, and what keeps that from being loaded. `orders` are proved under `config`.
[[nodiscard]] std::vector<Note> left_without_driver(const SystemFacts& facts,
                                                    const std::vector<Claim>& claims,
                                                    const std::vector<LoadOrder>& orders,
                                                    const DriverConfig& config);

}  // namespace vfio_switch
