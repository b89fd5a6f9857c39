// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/table.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// A remedy in sentences, for where there is one line: "Run 'mount /boot'. Reboot."
[[nodiscard]] std::string remedy_text(const Remedy& remedy);

/// The same for a terminal, `first` before its first line: what is to be typed or copied stands
/// alone on its line, and is never broken.
[[nodiscard]] std::string remedy_lines(const Remedy& remedy, const std::string& first,
                                       const Style& style);

}  // namespace vfio_switch
