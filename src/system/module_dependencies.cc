// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/module_dependencies.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>

#include "core/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// "nvidia_drm" of "updates/dkms/nvidia-drm.ko.xz".
std::string module_of_file(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return module_name(name.substr(0, name.find(".ko")));
}

}  // namespace

Result<ModuleDependencies> ModuleDependencies::read(const FileReader& files, const Kernel& kernel) {
  auto text = files.read(kernel.modules_directory + "/modules.dep");
  if (!text) return failure_of(text);
  return ModuleDependencies(std::move(*text).value_or(""));
}

std::vector<std::string> ModuleDependencies::dependants(const std::set<std::string>& files) const {
  // The lines are many and the names few: searching is much faster than taking lines apart.
  std::set<std::string> found;
  for (const auto& file : files) {
    const auto needed = " " + file;  // behind the colon of a line
    const std::boyer_moore_horspool_searcher searcher(needed.begin(), needed.end());
    for (auto at = std::search(text_.begin(), text_.end(), searcher); at != text_.end();
         at = std::search(at + 1, text_.end(), searcher)) {
      const auto line = std::find(std::reverse_iterator(at), text_.rend(), '\n').base();
      found.insert(module_of_file({line, std::find(line, at, ':')}));
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace vfio_switch
