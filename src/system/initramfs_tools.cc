// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/initramfs_tools.h"

#include "core/text.h"

namespace vfio_switch {

Command UpdateInitramfs::rebuild(const std::string& release) {
  return {"update-initramfs", {"-u", "-k", release}};
}

Result<InitramfsTool> find_initramfs_tool(const Profile& profile, const CommandRunner& runner) {
  std::vector<std::string> names;
  for (const auto generator : profile.initramfs) {
    names.emplace_back(to_string(generator));
    if (!runner.has(names.back())) continue;
    switch (generator) {
      case InitramfsGenerator::update_initramfs:
        return UpdateInitramfs{};
    }
  }
  return fail("no initramfs tool is installed: looked for " + enumerate(names),
              "Install it, or build the initramfs by hand.");
}

bool replaces_by_rename(const InitramfsTool& tool) {
  return std::visit([](const auto& one) { return one.replaces_by_rename; }, tool);
}

Command rebuild_command(const InitramfsTool& tool, const std::string& release) {
  return std::visit([&](const auto& one) { return one.rebuild(release); }, tool);
}

}  // namespace vfio_switch
