// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/table.h"

namespace vfio_switch {

/// How text is shown on standard output: as wide as the terminal is, in colour unless NO_COLOR is
/// set (no-color.org) or the terminal is a dumb one. Output that is not a terminal gets lines of
/// any length, which programs can search, and no colour. To be asked before the environment is
/// cleared.
[[nodiscard]] Style output_style();

}  // namespace vfio_switch
