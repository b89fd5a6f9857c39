// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/initramfs_tools.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/text.h"
#include "system/booster.h"

namespace vfio_switch {

Result<Command> UpdateInitramfs::rebuild(const FileReader& /*files*/, const ImageBuild& build) {
  return Command{"update-initramfs", {"-u", "-k", build.release}};
}

std::optional<InitramfsGenerator> installed_generator(const FileReader& files,
                                                      const Profile& profile) {
  constexpr std::array<std::string_view, 4> directories = {"/usr/sbin/", "/usr/bin/", "/sbin/",
                                                           "/bin/"};
  for (const auto generator : profile.initramfs) {
    for (const auto directory : directories) {
      if (files.exists(std::string(directory) + std::string(to_string(generator)))) {
        return generator;
      }
    }
  }
  return std::nullopt;
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
  const auto add = [&](auto found) -> Result<void> {
    if (!found) return failure_of(found);
    std::ranges::move(*found, std::back_inserter(modules));
    return {};
  };
  for (const auto generator : profile.initramfs) {
    Result<void> added;
    switch (generator) {
      case InitramfsGenerator::mkinitcpio:
        added = add(Mkinitcpio::early_modules(files));
        break;
      case InitramfsGenerator::update_initramfs:
        added = add(UpdateInitramfs::early_modules(files));
        break;
    }
    if (!added) return failure_of(added);
  }
  return modules;
}

Result<std::vector<ImageHindrance>> find_image_hindrances(const FileReader& files,
                                                          const Profile& profile,
                                                          const std::vector<Kernel>& kernels) {
  auto hindrances = find_mkinitcpio_hindrances(files, profile, kernels);
  if (!hindrances) return hindrances;
  std::ranges::move(find_booster(files, profile), std::back_inserter(*hindrances));
  return hindrances;
}

Result<InitramfsTool> find_initramfs_tool(const Profile& profile, const CommandRunner& runner) {
  std::vector<std::string> names;
  for (const auto generator : profile.initramfs) {
    names.emplace_back(to_string(generator));
    if (!runner.has(names.back())) continue;
    switch (generator) {
      case InitramfsGenerator::mkinitcpio:
        return Mkinitcpio{};
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

Result<Command> rebuild_command(const InitramfsTool& tool, const FileReader& files,
                                const ImageBuild& build) {
  return std::visit([&](const auto& one) { return one.rebuild(files, build); }, tool);
}

}  // namespace vfio_switch
