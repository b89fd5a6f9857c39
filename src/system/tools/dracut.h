// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// dracut. It writes in place, and removes the file if it fails. Therefore it is given a temporary
/// name, and the finished image is renamed. A unified image is more than an initramfs:
/// kernel-install and its plugins put it together.
struct Dracut {
  [[nodiscard]] static ImageBuild build(const std::string& release, const std::string& image);
};

}  // namespace vfio_switch
