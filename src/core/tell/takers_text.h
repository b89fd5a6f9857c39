// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/message/data.h"

namespace vfio_switch {

/// Who will have which function, each driver once and by name: "nouveau will take 0000:01:00.0 and
/// no driver will take 0000:01:00.1". `verb`: "take" or "bind".
[[nodiscard]] std::string takers_text(const std::vector<Occupant>& takers, std::string_view verb);

/// The same in short, of all functions of a card: "nouveau and snd_hda_intel will bind the card". A
/// function without a driver is told as above.
[[nodiscard]] std::string card_takers_text(const std::vector<Occupant>& takers);

}  // namespace vfio_switch
