// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "hook/boot_events.h"
#include "hook/site.h"

namespace vfio_switch {

[[nodiscard]] BootSite boot_site(Site& site);

/// The package was installed. The first time it sets up, or says why it does not.
[[nodiscard]] Result<void> post_install(Site& site, bool rebuild);

/// Makes the kept intent hold again, after something else on the machine changed.
/// `built_elsewhere`: the kernel whose image the caller builds next.
[[nodiscard]] Result<void> refresh(Site& site, const std::string& built_elsewhere, bool rebuild);

/// Before the package's files go: everything is put back, the intent alone is kept, in case the
/// removal is aborted. The images follow once the package is gone.
[[nodiscard]] Result<void> pre_remove(Site& site);

/// Somebody else built the image of `release`: an Error where it does not do what is wanted.
[[nodiscard]] Result<void> image_built(Site& site, const std::string& release);

[[nodiscard]] Result<void> disable(Site& site);
[[nodiscard]] Result<void> rollback(Site& site);

}  // namespace vfio_switch
