// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/image_facts.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "system/dracut.h"
#include "system/modprobe_config.h"

namespace vfio_switch {

namespace {

using Modules = std::vector<EarlyModule>;

/// A file with a module a line, its options behind it.
Result<void> read_list(const FileReader& image, const std::string& path, Modules& modules) {
  const auto text = image.read(path);
  if (!text) return std::unexpected(text.error());
  const auto content = text->value_or("");
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    const auto words = split_words(line);
    if (words.empty() || words[0].starts_with('#') || words[0].starts_with(';')) continue;
    modules.push_back({module_name(words[0]), path + ":" + std::to_string(number)});
  }
  return {};
}

/// modules-load.d(5): systemd-modules-load runs beside the coldplug, with no order between them.
Result<Modules> read_modules_load(const FileReader& image) {
  Modules modules;
  for (const std::string directory :
       {"/etc/modules-load.d", "/run/modules-load.d", "/usr/lib/modules-load.d"}) {
    const auto names = image.list(directory);
    if (!names) return std::unexpected(names.error());
    for (const auto& name : *names) {
      if (!name.ends_with(".conf")) continue;
      if (auto read = read_list(image, directory + "/" + name, modules); !read) {
        return failure_of(read);
      }
    }
  }
  return modules;
}

/// dracut's rd.driver.pre=a,b: loaded before udev is started (dracut.cmdline(7)).
Result<Modules> read_driver_pre(const FileReader& image) {
  constexpr std::string_view parameter = "rd.driver.pre=";
  const std::string directory = "/etc/cmdline.d";
  Modules modules;
  const auto names = image.list(directory);
  if (!names) return std::unexpected(names.error());
  for (const auto& name : *names) {
    const auto path = directory + "/" + name;
    const auto text = image.read(path);
    if (!text) return std::unexpected(text.error());
    const auto content = text->value_or("");
    for (const auto word : split_words(content, " \t\n")) {
      if (!word.starts_with(parameter)) continue;
      for (const auto module : split_words(word.substr(parameter.size()), ",")) {
        modules.push_back({module_name(module), path});
      }
    }
  }
  return modules;
}

/// MODULES="a b" of mkinitcpio's /config, which its busybox init loads before udev's coldplug.
Result<Modules> read_mkinitcpio_modules(const FileReader& image) {
  const auto text = image.read("/config");
  if (!text) return std::unexpected(text.error());
  constexpr std::string_view key = "MODULES=";
  const auto content = text->value_or("");
  Modules modules;
  for (const auto line : split_lines(content)) {
    if (!line.starts_with(key)) continue;
    for (const auto word : split_words(line.substr(key.size()), " \t\"'\\()")) {
      modules.push_back({module_name(word), "/config"});
    }
  }
  return modules;
}

}  // namespace

Result<ImageFacts> read_image_facts(const FileReader& image) {
  ImageFacts facts;
  auto modprobe = read_modprobe_config(image);
  if (!modprobe) return failure_of(modprobe);
  facts.config.modprobe = std::move(*modprobe);
  const auto overrides = image.read(std::string(override_path));
  if (!overrides) return std::unexpected(overrides.error());
  facts.config.overrides = parse_override(overrides->value_or(""));
  facts.bind_script = image.exists(std::string(bind_path));
  facts.has_modprobe_d = image.exists("/etc/modprobe.d");
  if (image.exists("/scripts/functions")) {
    // initramfs-tools: /init runs scripts/init-top, udev's among them, then load_modules.
    // Ours runs before udev's, as bind --boot: it loads nothing where it has nothing to bind.
    const std::string bind = "/scripts/init-top/00-vfio-switch";
    ImageStep ours;
    if (facts.bind_script && !facts.config.overrides.empty() && image.exists(bind)) {
      ours.listed.push_back({"vfio_pci", bind});
    }
    ImageStep listed;
    if (auto read = read_list(image, "/conf/modules", listed.listed); !read) {
      return failure_of(read);
    }
    facts.steps = {
        std::move(ours), {{}, image.exists("/scripts/init-top/udev")}, std::move(listed)};
    return facts;
  }
  // dracut: its pre-udev hooks, ours among them, then rd.driver.pre, then udev.
  auto hook = has_dracut_hook(image);
  if (!hook) return failure_of(hook);
  auto pre = read_driver_pre(image);
  if (!pre) return failure_of(pre);
  Modules first;
  if (*hook && facts.bind_script && !facts.config.overrides.empty()) {
    first.push_back({"vfio_pci", "the pre-udev hook"});
  }
  std::ranges::move(*pre, std::back_inserter(first));
  auto mkinitcpio = read_mkinitcpio_modules(image);
  if (!mkinitcpio) return failure_of(mkinitcpio);
  auto beside = read_modules_load(image);
  if (!beside) return failure_of(beside);
  std::ranges::move(*mkinitcpio, std::back_inserter(first));
  facts.steps = {{std::move(first), false}, {std::move(*beside), true}};
  return facts;
}

}  // namespace vfio_switch
