// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace vfio_switch {

/// What is wanted of the way out.
enum class WayOut {
  disable,   ///< our files put out of effect; the intent is disabled
  rollback,  ///< as it was before the package touched it; the intent is unset
  remove,  ///< the same for a package that goes; the intent and the images are left to its scripts
};

}  // namespace vfio_switch
