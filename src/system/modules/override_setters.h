// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/machine/override_setter.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// What somebody has set up on a root, beside packages and ourselves, that writes to
/// driver_override: udev rules, units that are enabled with the scripts that they start, and what
/// the initramfs tools take from /etc.
[[nodiscard]] std::vector<OverrideSetter> read_override_setters(ForeignFiles& files);

/// The same of an image, where packages and people look alike: but for our own parts.
[[nodiscard]] std::vector<OverrideSetter> read_image_override_setters(ForeignFiles& image);

}  // namespace vfio_switch
