// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "core/base/error.h"
#include "system/files/file_store.h"

namespace vfio_switch {

/// What the events of a boot are given.
struct BootSite {
  FileStore& files;
  bool is_running_system = false;         ///< there are consoles and a journal to write to
  std::function<Result<void>()> disable;  ///< gives the card back to the host, with the next boot
};

/// A boot begins: it is counted until check_boot() finds it successful. Where the boots before it
/// failed, and the settings allow it, passthrough is taken back at once: this one may not come
/// further.
[[nodiscard]] Result<void> begin_boot(const BootSite& site);

/// The login target is reached: the driver that was expected is compared with the one that the card
/// is bound to. The result is kept for `status`, logged, and a warning is shown at every login. It
/// never makes a boot fail.
[[nodiscard]] Result<void> check_boot(const BootSite& site);

/// For package hooks: says so where the boots before this one failed. True if passthrough was taken
/// back, as the settings may allow.
[[nodiscard]] Result<bool> give_up_after_failed_boots(const BootSite& site);

}  // namespace vfio_switch
