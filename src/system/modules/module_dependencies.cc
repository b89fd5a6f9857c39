// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/module_dependencies.h"

#include <fcntl.h>

#include <cstring>
#include <string_view>

#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// "nvidia_drm" of "updates/dkms/nvidia-drm.ko.xz".
std::string module_of_file(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return module_name(name.substr(0, name.find(".ko")));
}

}  // namespace

Result<ModuleDependencies> ModuleDependencies::read(const FileReader& files, const Kernel& kernel) {
  auto directory = files.open_directory(kernel.modules_directory);
  if (!directory) return failure_of(directory);
  if (!*directory) return ModuleDependencies({});
  const UniqueFd file(
      ::openat((*directory)->get(), "modules.dep", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return ModuleDependencies(MappedText(file));
}

std::vector<std::string> ModuleDependencies::dependants(const std::set<std::string>& files) const {
  // The lines are many and the names few: searching is much faster than taking lines apart.
  const auto text = text_.text();
  std::set<std::string> found;
  if (text.empty()) return {};  // memmem() must not get a null pointer
  for (const auto& file : files) {
    const auto needed = " " + file;  // behind the colon of a line
    for (auto rest = text;;) {
      const auto* hit = static_cast<const char*>(
          ::memmem(rest.data(), rest.size(), needed.data(), needed.size()));
      if (hit == nullptr) break;
      const auto at = static_cast<std::size_t>(hit - text.data());
      const auto line = text.substr(text.rfind('\n', at) + 1);
      found.insert(module_of_file(line.substr(0, line.find(':'))));
      rest = text.substr(at + needed.size());
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace vfio_switch
