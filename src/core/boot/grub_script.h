// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/boot/grub_syntax.h"

namespace vfio_switch {

/// Parses grub.cfg and what it sources (GRUB's script/parser.y, script/yylex.l). Never fails.
[[nodiscard]] GrubParse parse_grub_script(std::string_view text);

}  // namespace vfio_switch
