// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/modprobe_config.h"

#include <array>
#include <string_view>

namespace vfio_switch {

Result<std::vector<ModprobeFile>> read_modprobe_config(const FileReader& files) {
  constexpr std::array<std::string_view, 4> directories = {
      "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/lib/modprobe.d"};
  std::vector<ModprobeFile> config;
  for (const auto directory : directories) {
    auto names = files.list(std::string(directory));
    if (!names) return failure_of(names);
    for (const auto& name : *names) {
      if (!name.ends_with(".conf")) continue;
      const auto path = std::string(directory) + "/" + name;
      auto content = files.read(path);
      if (!content) return failure_of(content);
      // A dangling link or a link to /dev/null hides files of its name, and says nothing itself.
      config.push_back({path, content->value_or(std::string())});
    }
  }
  return config;
}

}  // namespace vfio_switch
