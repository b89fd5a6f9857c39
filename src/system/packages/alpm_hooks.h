// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "system/files/file_reader.h"

namespace vfio_switch {

/// True if the distribution's own pacman hook builds images in a transaction with these targets
/// (paths and packages, as pacman hands them to hooks): one of its triggers names one of them. The
/// hook that counts is that of /etc/pacman.d/hooks, where there is one of the same name.
[[nodiscard]] bool builds_images(const FileReader& files, const std::vector<std::string>& targets);

}  // namespace vfio_switch
