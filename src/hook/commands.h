// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "apply/way_out.h"

namespace vfio_switch {

/// Takes the way out of the system at `root`, and says what became of it; the exit status.
[[nodiscard]] int give_back_card(const std::string& root, WayOut kind);

/// What is left to do where the check of a boot could not be carried out: where the host has no
/// display at all and vfio-pci has a graphics card, the card is given back with the next boot,
/// unless the settings say that this is meant.
void check_boot_roughly(const std::string& root);

}  // namespace vfio_switch
