// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace vfio_switch {

/// Whether the first installation sets passthrough up where that is safe: a choice of whoever
/// builds the package (-Dauto-setup).
extern const bool sets_up_by_itself;

}  // namespace vfio_switch
