// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "backend/site.h"
#include "core/base/error.h"

namespace vfio_switch {

/// In a pacman transaction, before the hook that builds images: files alone, no image. At the
/// first installation this is the set-up, since every package of the transaction is in place.
[[nodiscard]] Result<void> alpm_refresh(Site& site);

/// After that hook. If it was not called, the images that need it are built here. If it was, they
/// are not built a second time: an image that does not do what is configured causes a warning.
[[nodiscard]] Result<void> alpm_check(Site& site);

}  // namespace vfio_switch
