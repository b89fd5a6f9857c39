// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/module_dependencies.h"

#include <string_view>

#include "core/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// "nvidia_drm" of "updates/dkms/nvidia_drm.ko.xz".
std::string module_of_file(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return std::string(name.substr(0, name.find(".ko")));
}

}  // namespace

Result<ModuleDependencies> ModuleDependencies::read(const FileReader& files, const Kernel& kernel) {
  auto text = files.read(kernel.modules_directory + "/modules.dep");
  if (!text) return failure_of(text);
  return ModuleDependencies(module_name(text->value_or("")));
}

std::vector<std::string> ModuleDependencies::dependants(
    const std::set<std::string>& modules) const {
  // The lines are many and the names few: searching is much faster than taking lines apart.
  std::set<std::string> found;
  for (const auto& module : modules) {
    const auto file = "/" + module + ".ko";
    for (auto at = text_.find(file); at != std::string::npos; at = text_.find(file, at + 1)) {
      const auto newline = text_.rfind('\n', at);
      const auto start = newline == std::string::npos ? 0 : newline + 1;
      const auto colon = text_.find(':', start);
      if (colon < at) {
        found.insert(module_of_file(std::string_view(text_).substr(start, colon - start)));
      }
    }
  }
  for (const auto& module : modules) found.erase(module);
  return {found.begin(), found.end()};
}

}  // namespace vfio_switch
