// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/initramfs_tools.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "core/base/text.h"
#include "system/state/state_store.h"
#include "system/tools/booster.h"

namespace vfio_switch {

namespace {

using HasProgram = std::function<bool(const std::string& program)>;

bool is_installed(InitramfsGenerator generator, const HasProgram& has) {
  switch (generator) {
    case InitramfsGenerator::limine_mkinitcpio:
      return has("limine-mkinitcpio");
    case InitramfsGenerator::mkinitcpio:
      return has("mkinitcpio");
    case InitramfsGenerator::update_initramfs:
      // Newer packages of dracut have a program of this name too.
      return has("update-initramfs") && (has("mkinitramfs") || !has("dracut"));
    case InitramfsGenerator::dracut:
      return has("dracut");
  }
  return false;
}

std::optional<InitramfsGenerator> first_installed(const Profile& profile, const HasProgram& has) {
  const auto found = std::ranges::find_if(
      profile.initramfs, [&](InitramfsGenerator one) { return is_installed(one, has); });
  return found == profile.initramfs.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

/// It writes IMAGE.new and renames it.
ImageBuild UpdateInitramfs::build(const std::string& release, const std::string& image) {
  return {{"update-initramfs", {"-u", "-k", release}}, image, false};
}

std::vector<EarlyModule> UpdateInitramfs::early_modules(ForeignFiles& files) {
  auto paths = files.paths("/usr/share/initramfs-tools/modules.d", "");
  paths.insert(paths.begin(), "/etc/initramfs-tools/modules");
  std::vector<EarlyModule> modules;
  for (const auto& path : paths) {
    int number = 0;
    const auto content = files.text(path);
    for (const auto line : split_lines(content)) {
      ++number;
      if (auto early = with_options(line, {path, number})) modules.push_back(std::move(*early));
    }
  }
  return modules;
}

std::vector<EarlyModule> read_early_modules(ForeignFiles& files, const Profile& profile) {
  std::vector<EarlyModule> modules;
  // One of a tool that is not used is ignored.
  const auto used = find_generator(profile, files.reader());
  for (const auto generator : used ? std::vector{*used} : profile.initramfs) {
    switch (generator) {
      case InitramfsGenerator::limine_mkinitcpio:
      case InitramfsGenerator::mkinitcpio:
        std::ranges::move(Mkinitcpio::early_modules(files), std::back_inserter(modules));
        break;
      case InitramfsGenerator::update_initramfs:
        std::ranges::move(UpdateInitramfs::early_modules(files), std::back_inserter(modules));
        break;
      case InitramfsGenerator::dracut:  // its lists contain nothing that the image does not show
        break;
    }
  }
  return modules;
}

std::optional<InitramfsGenerator> find_generator(const Profile& profile, const FileReader& files) {
  return first_installed(profile, [&](const std::string& program) {
    return std::ranges::any_of(CommandRunner::search_path, [&](const char* directory) {
      return files.exists(std::string(directory) + "/" + program);
    });
  });
}

Result<InitramfsTool> find_initramfs_tool(const Profile& profile, const FileReader& files,
                                          const CommandRunner& runner) {
  if (is_ostree(files)) {
    const auto state = load_state(files);
    if (!state) return std::unexpected(state.error());
    return RpmOstreeInitramfs{state->intent == Intent::enabled};
  }
  const auto generator =
      first_installed(profile, [&](const std::string& program) { return runner.has(program); });
  if (generator == InitramfsGenerator::limine_mkinitcpio) return LimineMkinitcpio{};
  if (generator == InitramfsGenerator::mkinitcpio) return Mkinitcpio{};
  if (generator == InitramfsGenerator::update_initramfs) return UpdateInitramfs{};
  if (generator == InitramfsGenerator::dracut) return Dracut{};
  std::vector<std::string> names;
  for (const auto candidate : profile.initramfs) names.emplace_back(to_string(candidate));
  return fail("no initramfs tool is installed; looked for " + enumerate(names),
              "Install one of them.");
}

Result<std::vector<ImageHindrance>> find_image_hindrances(
    ForeignFiles& files, std::optional<InitramfsGenerator> generator,
    const std::vector<Kernel>& kernels) {
  auto hindrances = find_mkinitcpio_hindrances(files, generator, kernels);
  if (!hindrances) return hindrances;
  std::ranges::move(find_booster(files.reader(), generator, kernels),
                    std::back_inserter(*hindrances));
  return hindrances;
}

Result<ImageBuild> plan_build(const InitramfsTool& tool, const FileReader& files,
                              const std::string& release, const std::string& image) {
  if (std::holds_alternative<Mkinitcpio>(tool)) return Mkinitcpio::build(files, release, image);
  if (std::holds_alternative<LimineMkinitcpio>(tool)) return LimineMkinitcpio::build(image);
  if (std::holds_alternative<Dracut>(tool)) return Dracut::build(files, release, image);
  if (const auto* ostree = std::get_if<RpmOstreeInitramfs>(&tool)) {
    return ostree->build(release, image);
  }
  return UpdateInitramfs::build(release, image);
}

}  // namespace vfio_switch
