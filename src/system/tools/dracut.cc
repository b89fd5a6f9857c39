// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/dracut.h"

#include "system/files/file_store.h"

namespace vfio_switch {

ImageBuild Dracut::build(const std::string& release, const std::string& image) {
  if (image.ends_with(".efi")) {
    return {{"kernel-install", {"add", release, "/usr/lib/modules/" + release + "/vmlinuz"}},
            image,
            true};
  }
  auto written = fresh_path(image);
  return {{"dracut", {"--force", written, release}}, written, true};
}

}  // namespace vfio_switch
