// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/table.h"
#include "core/cards/selection.h"
#include "core/machine/facts.h"

namespace vfio_switch {

/// The IOMMU groups that hold a graphics card, with what else is in them: a group is passed through
/// as a whole. Cards that can be passed through are marked; for the others it is said why not, and
/// what would help where no card can be passed through.
/// `extra`: what could go with a card, where that is asked for.
/// `whole`: every group, every bridge, and what would help each card.
[[nodiscard]] std::string devices_text(const SystemFacts& facts, const Selection& selection,
                                       const std::optional<std::vector<ExtraCandidate>>& extra,
                                       bool whole, const Style& style);

/// All of it as a picture in Graphviz's language: functions below the bridges that they are
/// reached through, framed by IOMMU group.
[[nodiscard]] std::string devices_dot(const SystemFacts& facts, const Selection& selection);

}  // namespace vfio_switch
