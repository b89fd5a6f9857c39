// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/driverctl.h"
#include "core/machine/early_module.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// What modules-load.d(5) has loaded, of a root or of an image: a file in /etc hides those of its
/// name in /run, /usr/local/lib and /usr/lib, and the names decide about the order. Nothing orders
/// it against udev: systemd-modules-load.service is Before=sysinit.target alone.
[[nodiscard]] std::vector<EarlyModule> read_modules_load(ForeignFiles& files);

/// The same of a real root, with /etc/modules, which Debian's systemd has a link to, and its other
/// init systems read themselves.
[[nodiscard]] std::vector<EarlyModule> read_root_lists(ForeignFiles& files);

/// Whether what rd.driver.blacklist= names stays away in the real root, too: newer releases of
/// dracut write it to /run/modprobe.d (dracut-ng 424717af), others into the image alone, as Debian
/// 12's 059. Where the script is not there that would say so, the newer ones count.
[[nodiscard]] bool keeps_dracuts_blacklist(ForeignFiles& files);

/// driverctl's overrides; none where its udev rule or its unit is not installed where udev and
/// systemd look: a file that stayed behind does nothing.
[[nodiscard]] std::vector<DriverctlOverride> read_driverctl(ForeignFiles& files);

}  // namespace vfio_switch
