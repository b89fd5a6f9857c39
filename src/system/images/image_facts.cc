// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/image_facts.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/binding/override.h"
#include "core/files/own_paths.h"
#include "system/modules/modprobe_config.h"

namespace vfio_switch {

namespace {

/// True if an image runs our script before udev looks for drivers: hooks/dracut puts it there.
Result<bool> has_dracut_hook(const FileReader& image) {
  // dracut-ng moved them; the old place is a link to the new one then.
  for (const std::string directory :
       {"/lib/dracut/hooks/pre-udev", "/var/lib/dracut/hooks/pre-udev"}) {
    const auto names = image.list(directory);
    if (!names) return std::unexpected(names.error());
    if (std::ranges::any_of(*names, [](const std::string& name) {
          return name.ends_with("-vfio-switch-bind.sh");
        })) {
      return true;
    }
  }
  return false;
}

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

/// What systemd starts before udev's coldplug and modules-load.d, as our units say.
Modules read_first_units(const FileReader& image, bool by_address) {
  Modules modules;
  const std::string wants = "/usr/lib/systemd/system/sysinit.target.wants/vfio-switch-";
  const auto unit = wants + (by_address ? "bind" : "load") + ".service";
  if (image.exists(unit)) modules.push_back({"vfio_pci", unit});
  return modules;
}

/// The words of KEY="a b" in mkinitcpio's /config.
std::vector<std::string> words_of(std::string_view config, std::string_view key) {
  std::vector<std::string> words;
  for (const auto line : split_lines(config)) {
    if (!line.starts_with(key) || !line.substr(key.size()).starts_with('=')) continue;
    words.clear();
    for (const auto word : split_words(line.substr(key.size() + 1), " \t\"'\\()")) {
      words.emplace_back(word);
    }
  }
  return words;
}

/// mkinitcpio with busybox: its init runs the early hooks, then loads MODULES, then has udev do its
/// coldplug. /config stands in its systemd-based images too, where nobody reads it.
Result<std::vector<ImageStep>> read_busybox_steps(const FileReader& image) {
  const auto text = image.read("/config");
  if (!text) return std::unexpected(text.error());
  const auto config = text->value_or("");
  ImageStep early;
  for (const auto& hook : words_of(config, "EARLYHOOKS")) {
    const auto script = "/hooks/" + hook;
    if (hook == "vfio-switch" && image.exists(script)) early.listed.push_back({"vfio_pci", script});
  }
  ImageStep listed;
  for (const auto& module : words_of(config, "MODULES")) {
    listed.listed.push_back({module_name(module), "/config"});
  }
  return std::vector<ImageStep>{std::move(early), std::move(listed), {{}, true}};
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
  const bool systemd = image.exists("/usr/lib/systemd/system/initrd.target");
  if (!systemd && image.exists("/config")) {
    auto steps = read_busybox_steps(image);
    if (!steps) return failure_of(steps);
    facts.steps = std::move(*steps);
    return facts;
  }
  // dracut: its pre-udev hooks, ours among them, then rd.driver.pre, then udev. mkinitcpio with
  // systemd: our unit, then udev.
  auto hook = has_dracut_hook(image);
  if (!hook) return failure_of(hook);
  auto pre = read_driver_pre(image);
  if (!pre) return failure_of(pre);
  const bool by_address = facts.bind_script && !facts.config.overrides.empty();
  Modules first;
  if (*hook && by_address) first.push_back({"vfio_pci", "the pre-udev hook"});
  std::ranges::move(read_first_units(image, by_address), std::back_inserter(first));
  std::ranges::move(*pre, std::back_inserter(first));
  auto beside = read_modules_load(image);
  if (!beside) return failure_of(beside);
  facts.steps = {{std::move(first), false}, {std::move(*beside), true}};
  return facts;
}

}  // namespace vfio_switch
