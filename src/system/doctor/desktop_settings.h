// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/doctor/host_config.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What Wayland compositors are told about cards: by environment variables of the system and of
/// every user whose files can be read, by Hyprland's configuration and by udev rules.
[[nodiscard]] std::vector<CompositorSetting> read_compositor_settings(const FileReader& files,
                                                                      const DriNodes& nodes);

}  // namespace vfio_switch
