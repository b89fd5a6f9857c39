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

/// A file with one module per line; `#` and `;` begin comments (modules-load.d(5)).
void read_list(ForeignFiles& image, const std::string& path, Modules& modules) {
  const auto content = image.text(path);
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    const auto words = split_words(line);
    if (words.empty() || words[0].starts_with('#') || words[0].starts_with(';')) continue;
    modules.push_back({module_name(words[0]), {path, number}});
  }
}

/// initramfs-tools' list: one module per line, followed by its options.
void read_list_with_options(ForeignFiles& image, const std::string& path, Modules& modules) {
  const auto content = image.text(path);
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    if (auto early = with_options(line, {path, number})) modules.push_back(std::move(*early));
  }
}

/// modules-load.d(5): systemd-modules-load runs at the same time as the coldplug, in no defined
/// order.
Modules read_modules_load(ForeignFiles& image) {
  Modules modules;
  for (const std::string directory :
       {"/etc/modules-load.d", "/run/modules-load.d", "/usr/lib/modules-load.d"}) {
    for (const auto& path : image.paths(directory, ".conf")) read_list(image, path, modules);
  }
  return modules;
}

/// The modules that a parameter of a kernel command line lists; `key` ends in '='.
void add_listed(std::string_view line, std::string_view key, const Place& where, Modules& modules) {
  for (const auto word : split_words(line, " \t\n")) {
    if (!word.starts_with(key)) continue;
    for (const auto module : split_words(word.substr(key.size()), ",")) {
      modules.push_back({module_name(module), where});
    }
  }
}

/// Where a word of the kernel command line stands, to people.
const Place on_command_line = {"/proc/cmdline"};

/// dracut's rd.driver.pre=a,b: loaded before udev is started (dracut.cmdline(7)).
Modules read_driver_pre(ForeignFiles& image, std::string_view command_line) {
  constexpr std::string_view parameter = "rd.driver.pre=";
  Modules modules;
  for (const auto& path : image.paths("/etc/cmdline.d", "")) {
    add_listed(image.text(path), parameter, {path}, modules);
  }
  add_listed(command_line, parameter, on_command_line, modules);
  return modules;
}

/// What systemd starts before udev's coldplug and modules-load.d, as our units say.
Modules read_first_units(const FileReader& image, bool by_address) {
  Modules modules;
  const std::string wants = "/usr/lib/systemd/system/sysinit.target.wants/vfio-switch-";
  const auto unit = wants + (by_address ? "bind" : "load") + ".service";
  if (image.exists(unit)) modules.push_back({"vfio_pci", {unit}});
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
/// coldplug. Its systemd-based images contain /config too, but do not read it.
std::vector<ImageStep> read_busybox_steps(ForeignFiles& image) {
  const auto config = image.text("/config");
  ImageStep early;
  for (const auto& hook : words_of(config, "EARLYHOOKS")) {
    const auto script = "/hooks/" + hook;
    if (hook == "vfio-switch" && image.reader().exists(script))
      early.listed.push_back({"vfio_pci", {script}});
  }
  ImageStep listed;
  for (const auto& module : words_of(config, "MODULES")) {
    listed.listed.push_back({module_name(module), {"/config"}});
  }
  return {std::move(early), std::move(listed), {{}, true}};
}

/// How the image loads modules, step by step.
Result<std::vector<ImageStep>> read_steps(ForeignFiles& files, const ImageFacts& facts,
                                          std::string_view command_line) {
  const auto& image = files.reader();
  if (image.exists("/scripts/functions")) {
    // initramfs-tools: /init runs scripts/init-top, udev's among them, then load_modules.
    // Ours runs before udev's, as bind --boot: it loads nothing where it has nothing to bind.
    const std::string bind = "/scripts/init-top/00-vfio-switch";
    ImageStep ours;
    if (facts.bind_script && !facts.config.overrides.empty() && image.exists(bind)) {
      ours.listed.push_back({"vfio_pci", {bind}});
    }
    ImageStep listed;
    read_list_with_options(files, "/conf/modules", listed.listed);
    return std::vector<ImageStep>{
        std::move(ours), {{}, image.exists("/scripts/init-top/udev")}, std::move(listed)};
  }
  const bool systemd = image.exists("/usr/lib/systemd/system/initrd.target");
  if (!systemd && image.exists("/config")) return read_busybox_steps(files);
  // dracut: its pre-udev hooks, ours among them, then rd.driver.pre, then udev. mkinitcpio with
  // systemd: our unit, then udev.
  auto hook = has_dracut_hook(image);
  if (!hook) return failure_of(hook);
  const bool dracut = image.exists("/lib/dracut") || image.exists("/usr/lib/dracut") ||
                      image.exists("/etc/cmdline.d");
  auto pre = dracut ? read_driver_pre(files, command_line) : Modules();
  const bool by_address = facts.bind_script && !facts.config.overrides.empty();
  Modules first;
  if (*hook && by_address) first.push_back({"vfio_pci", {"/lib/dracut/hooks/pre-udev"}});
  std::ranges::move(read_first_units(image, by_address), std::back_inserter(first));
  std::ranges::move(pre, std::back_inserter(first));
  auto beside = read_modules_load(files);
  if (systemd) {
    for (const auto key : {"modules_load=", "modules-load=", "rd.modules_load="}) {
      add_listed(command_line, key, on_command_line, beside);
    }
  }
  return std::vector<ImageStep>{{std::move(first), false}, {std::move(beside), true}};
}

}  // namespace

Result<ImageFacts> read_image_facts(const FileReader& image, std::string_view command_line) {
  ForeignFiles files(image);
  ImageFacts facts;
  facts.config.modprobe = read_modprobe_config(files);
  facts.config.overrides = parse_override(files.text(std::string(override_path)));
  facts.bind_script = image.exists(std::string(bind_path));
  facts.has_modprobe_d = image.exists("/etc/modprobe.d");
  auto steps = read_steps(files, facts, command_line);
  if (!steps) return failure_of(steps);
  facts.steps = std::move(*steps);
  facts.unread = files.unread();
  return facts;
}

}  // namespace vfio_switch
