// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/initramfs_tools.h"

#include <algorithm>
#include <iterator>

#include "core/text.h"

namespace vfio_switch {

Command UpdateInitramfs::rebuild(const std::string& release) {
  return {"update-initramfs", {"-u", "-k", release}};
}

std::vector<std::string> UpdateInitramfs::unfinished(const std::string& image) {
  return {image + ".new", image + ".dpkg-bak"};
}

Result<std::vector<EarlyModule>> UpdateInitramfs::early_modules(const FileReader& files) {
  std::vector<std::string> paths = {"/etc/initramfs-tools/modules"};
  const std::string directory = "/usr/share/initramfs-tools/modules.d";
  auto names = files.list(directory);
  if (!names) return failure_of(names);
  for (const auto& name : *names) {
    auto& path = paths.emplace_back(directory);
    path += "/" + name;
  }
  std::vector<EarlyModule> modules;
  for (const auto& path : paths) {
    auto text = files.read(path);
    if (!text) return failure_of(text);
    int number = 0;
    const auto content = text->value_or("");
    for (const auto line : split_lines(content)) {
      ++number;
      const auto words = split_words(line);
      if (words.empty() || words[0].starts_with('#')) continue;
      modules.push_back({module_name(words[0]), path + ":" + std::to_string(number)});
    }
  }
  return modules;
}

Result<std::vector<EarlyModule>> read_early_modules(const FileReader& files,
                                                    const Profile& profile) {
  std::vector<EarlyModule> modules;
  for (const auto generator : profile.initramfs) {
    switch (generator) {
      case InitramfsGenerator::update_initramfs: {
        auto found = UpdateInitramfs::early_modules(files);
        if (!found) return found;
        std::ranges::move(*found, std::back_inserter(modules));
      }
    }
  }
  return modules;
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

std::vector<std::string> unfinished_files(const InitramfsTool& tool, const std::string& image) {
  return std::visit([&](const auto& one) { return one.unfinished(image); }, tool);
}

Command rebuild_command(const InitramfsTool& tool, const std::string& release) {
  return std::visit([&](const auto& one) { return one.rebuild(release); }, tool);
}

}  // namespace vfio_switch
