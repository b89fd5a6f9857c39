// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// dracut. It writes in place, and removes what it was writing where it fails: it is given a name
/// of its own, from which the finished image is renamed. A unified image is more than an initramfs:
/// kernel-install and its plugins put it together.
struct Dracut {
  [[nodiscard]] static ImageBuild build(const std::string& release, const std::string& image);
};

}  // namespace vfio_switch
