// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/message/data.h"

namespace vfio_switch {

/// A word of the kernel command line that decides about the card in this one boot.
struct TellingParameter {
  std::string word;         ///< as it stands there
  Reason effect;            ///< what it does: a clause behind it
  bool keeps_host = false;  ///< because of it vfio-pci cannot take the card

  bool operator==(const TellingParameter&) const = default;
};

/// The words of `command_line` that decide which driver gets the card, or whether it can be passed
/// through at all.
[[nodiscard]] std::vector<TellingParameter> telling_parameters(std::string_view command_line);

/// True if the boot was asked to leave the card with the host: `vfio-pci.ids=` with nothing behind
/// it.
[[nodiscard]] bool is_escape(std::string_view command_line);

/// `command_line` without the words that give ids to vfio-pci.
[[nodiscard]] std::string without_escape(std::string_view command_line);

}  // namespace vfio_switch
