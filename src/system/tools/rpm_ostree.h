// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "system/files/file_reader.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// rpm-ostree, which has dracut build an image for a new deployment: the one that runs is not
/// touched, and a way back at the boot menu. That build sees no /var, and of /usr only layered
/// packages, so that everything the image needs is passed as arguments. Written from its
/// documentation; not tested on a real system.
struct RpmOstreeInitramfs {
  bool enabled = false;  ///< passthrough is wanted

  [[nodiscard]] ImageBuild build(const std::string& release, const std::string& image) const;
};

/// True on a running system that was deployed by ostree.
[[nodiscard]] bool is_ostree(const FileReader& files);

}  // namespace vfio_switch
