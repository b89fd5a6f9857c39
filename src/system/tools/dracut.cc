// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/dracut.h"

#include <algorithm>
#include <string_view>

#include "system/files/file_store.h"

namespace vfio_switch {

bool is_sdbootutils(const FileReader& files, const std::string& image) {
  constexpr std::string_view prefix = "initrd-";
  constexpr std::size_t digits = 40;
  auto name = std::string_view(image).substr(image.rfind('/') + 1);
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return name.size() == digits &&
         name.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         files.exists("/usr/bin/sdbootutil");
}

ImageBuild Dracut::build(const FileReader& files, const std::string& release,
                         const std::string& image) {
  if (is_sdbootutils(files, image)) {
    return {{"sdbootutil", {"--no-reuse-initrd", "add-kernel", release}}, image, true};
  }
  if (files.exists("/usr/bin/limine-dracut")) return {{"limine-dracut", {}}, image, true};
  if (image.ends_with(".efi")) {
    return {{"kernel-install", {"add", release, "/usr/lib/modules/" + release + "/vmlinuz"}},
            image,
            true};
  }
  auto written = fresh_path(image);
  return {{"dracut", {"--force", written, release}}, written, true};
}

}  // namespace vfio_switch
