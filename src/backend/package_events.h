// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "backend/boot_events.h"
#include "backend/site.h"
#include "core/base/error.h"

namespace vfio_switch {

[[nodiscard]] BootSite boot_site(Site& site);

/// The package was installed. The first time it sets up, or says why it does not.
[[nodiscard]] Result<void> post_install(Site& site, Images images);

/// Makes the kept intent hold again, after something else on the machine changed.
/// `built_elsewhere`: the kernel whose image the caller builds next.
[[nodiscard]] Result<void> refresh(Site& site, const std::string& built_elsewhere, Images images);

/// Somebody else built the image of `release`: an Error where it does not do what is wanted.
[[nodiscard]] Result<void> image_built(Site& site, const std::string& release);

/// The way out, for boots that fail.
[[nodiscard]] Result<void> disable(Site& site);

}  // namespace vfio_switch
