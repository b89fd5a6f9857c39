// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/dracut.h"

#include <algorithm>

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

Result<bool> has_dracut_hook(const FileReader& image) {
  // dracut-ng moved them; the old place is a link to the new one then.
  for (const std::string directory :
       {"/lib/dracut/hooks/pre-udev", "/var/lib/dracut/hooks/pre-udev"}) {
    const auto names = image.list(directory);
    if (!names) return std::unexpected(names.error());
    if (std::ranges::any_of(*names, [](const std::string& name) {
          return name.ends_with("-vfio-switch-bind.sh");
        })) {
      return true;
    }
  }
  return false;
}

}  // namespace vfio_switch
