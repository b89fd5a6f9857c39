// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/plain_build.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "system/files/best_effort.h"
#include "system/files/file_store.h"
#include "system/tools/dracut.h"

namespace vfio_switch {

std::string release_of_image(const FileReader& files, const std::string& image) {
  std::string found;
  for (const auto& release : names_in(files, "/lib/modules")) {
    // "6.1.0-5" is in the name of 6.1.0-56 as well.
    if (release.size() > found.size() && image.find(release) != std::string::npos) found = release;
  }
  return found;
}

std::vector<std::string> usual_images(const FileReader& files) {
  std::vector<std::string> images;
  for (const auto& release : names_in(files, "/lib/modules")) {
    for (const auto& path :
         {"/boot/initrd.img-" + release, "/boot/initramfs-" + release + ".img"}) {
      if (files.exists(path)) images.push_back(path);
    }
  }
  return images;
}

namespace {

std::vector<PlainBuild> dracut_builds(const FileReader& files,
                                      const std::vector<std::string>& images) {
  std::vector<PlainBuild> builds;
  for (const auto& image : images) {
    const auto release = release_of_image(files, image);
    if (release.empty() || !files.exists(image)) continue;
    if (image.ends_with(".efi")) {
      builds.push_back(
          {{"kernel-install", {"add", release, "/usr/lib/modules/" + release + "/vmlinuz"}}});
      continue;
    }
    // dracut removes what it was writing where it fails.
    const auto written = fresh_path(image);
    builds.push_back({{"dracut", {"--force", written, release}}, image, written});
  }
  if (builds.empty()) builds.push_back({{"dracut", {"--regenerate-all", "--force"}}});
  return builds;
}

}  // namespace

std::string PlainBuild::str() const {
  auto words = command.arguments;
  for (auto& word : words) {
    if (!written.empty() && word == written) word = image;
  }
  return command.program + (words.empty() ? "" : " ") + join(words, " ");
}

std::vector<PlainBuild> plain_builds(const FileReader& files, const CommandRunner& runner,
                                     const std::vector<std::string>& images) {
  if (files.exists("/run/ostree-booted") && runner.has("rpm-ostree")) {
    return {{{"rpm-ostree", {"initramfs", "--disable"}}}};
  }
  if (runner.has("limine-mkinitcpio")) return {{{"limine-mkinitcpio", {}}}};
  if (runner.has("limine-dracut")) return {{{"limine-dracut", {}}}};
  if (std::ranges::any_of(images,
                          [&](const std::string& image) { return is_sdbootutils(files, image); })) {
    return {{{"sdbootutil", {"mkinitrd"}}}};
  }
  // Newer packages of dracut have a program of this name too.
  if (runner.has("update-initramfs") && (runner.has("mkinitramfs") || !runner.has("dracut"))) {
    return {{{"update-initramfs", {"-u", "-k", "all"}}}};
  }
  if (runner.has("mkinitcpio")) return {{{"mkinitcpio", {"-P"}}}};
  if (runner.has("dracut-rebuild")) return {{{"dracut-rebuild", {}}}};
  if (runner.has("dracut")) return dracut_builds(files, images);
  return {};
}

namespace {

/// A tool that makes boot entries, and how the paths of its settings begin.
struct BootTool {
  std::string_view settings;
  Invocation command;
};

bool begins(const std::vector<std::string>& paths, std::string_view prefix) {
  return std::ranges::any_of(paths,
                             [&](const std::string& path) { return path.starts_with(prefix); });
}

}  // namespace

std::vector<Invocation> plain_boot_commands(const FileReader& files, const CommandRunner& runner,
                                            const std::vector<std::string>& changed) {
  static const std::array<BootTool, 10> tools = {{
      {"/etc/sdboot-manage.conf", {"sdboot-manage", {"gen"}}},
      {"/etc/kernel/cmdline", {"sdbootutil", {"update-all-entries"}}},
      {"/etc/kernel/cmdline", {"proxmox-boot-tool", {"refresh"}}},
      {"/etc/kernel/cmdline", {"u-boot-update", {}}},
      {"/etc/default/u-boot", {"u-boot-update", {}}},
      {"/etc/u-boot-menu/conf.d/", {"u-boot-update", {}}},
      {"/etc/kernelstub/configuration", {"kernelstub", {}}},
      {"/etc/default/kernelstub", {"kernelstub", {}}},
      {"/etc/default/limine", {"limine-update", {}}},
      {"/etc/limine-entry-tool.", {"limine-update", {}}},
  }};
  std::vector<Invocation> commands;
  for (const auto& [settings, command] : tools) {
    const bool known =
        std::ranges::find(commands, command.program, &Invocation::program) != commands.end();
    if (!known && begins(changed, settings) && runner.has(command.program)) {
      commands.push_back(command);
    }
  }
  if (runner.has("update-grub")) {
    commands.push_back({"update-grub", {}});
    return commands;
  }
  for (const std::string name : {"grub2", "grub"}) {
    const auto output = "/boot/" + name + "/grub.cfg";
    if (!runner.has(name + "-mkconfig") || !files.exists(output)) continue;
    commands.push_back({name + "-mkconfig", {"-o", output}});
    break;
  }
  return commands;
}

std::vector<std::string> unfinished_files(const std::string& image) {
  return {image + ".new", image + ".dpkg-bak"};  // update-initramfs
}

}  // namespace vfio_switch
