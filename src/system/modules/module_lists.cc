// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/module_lists.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/files/own_paths.h"
#include "system/files/config_files.h"

namespace vfio_switch {

std::vector<ConfigLine> read_module_lists(const FileReader& files) {
  constexpr std::array<const char*, 3> directories = {
      "/etc/modules-load.d/", "/etc/mkinitcpio.conf.d/", "/etc/dracut.conf.d/"};
  std::vector<std::string> paths = {"/etc/modules", "/etc/mkinitcpio.conf", "/etc/dracut.conf"};
  for (const auto* directory : directories) {
    std::ranges::move(paths_in(files, directory, ".conf"), std::back_inserter(paths));
  }
  std::erase_if(paths, [](const std::string& path) { return is_generated(path); });
  return config_lines_of(files, paths, config_lines);
}

}  // namespace vfio_switch
