// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/images/image_steps.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/images/booster_image.h"
#include "core/modules/module_parameters.h"
#include "system/modules/modules_load.h"

namespace vfio_switch {

namespace {

using Modules = std::vector<EarlyModule>;

/// Where a word of the kernel command line stands, to people.
const Place on_command_line = {std::string(command_line_path)};

void add(Modules& modules, const std::vector<std::string>& names, const Place& where) {
  for (const auto& name : names) modules.push_back({name, where});
}

/// initramfs-tools' list: one module per line, followed by its options.
Modules read_list_with_options(ForeignFiles& image, const std::string& path) {
  Modules modules;
  const auto content = image.text(path);
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    if (auto early = with_options(line, {path, number})) modules.push_back(std::move(*early));
  }
  return modules;
}

/// initramfs-tools: /init runs scripts/init-top, udev's among them, then load_modules. Ours runs
/// before udev's, as bind --boot: it loads nothing where it has nothing to bind.
void read_initramfs_tools(ForeignFiles& image, const ModuleParameters& parameters, bool by_address,
                          ImageFacts& facts) {
  const auto& reader = image.reader();
  const std::string bind = "/scripts/init-top/00-vfio-switch";
  ImageStep ours;
  if (by_address && reader.exists(bind)) ours.listed.push_back({"vfio_pci", {bind}});
  facts.blacklisted = parameters.blacklisted_by_initramfs_tools;
  ImageStep listed{read_list_with_options(image, "/conf/modules")};
  listed.applies_blacklist = true;  // /init exports MODPROBE_OPTIONS=-qb
  facts.steps = {std::move(ours), {{}, reader.exists("/scripts/init-top/udev")}, std::move(listed)};
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

/// mkinitcpio with busybox: its init runs the early hooks, then loads MODULES by modprobe -b, then
/// runs the hooks, of which udev's does the coldplug. Its systemd-based images contain /config too,
/// but do not read it.
void read_busybox(ForeignFiles& image, const ModuleParameters& parameters, ImageFacts& facts) {
  const auto config = image.text("/config");
  const auto runs = [&](const std::string& hook) {
    return !parameters.disabled_hooks.contains(hook) && image.reader().exists("/hooks/" + hook);
  };
  ImageStep early;
  for (const auto& hook : words_of(config, "EARLYHOOKS")) {
    if (hook == "vfio-switch" && runs(hook))
      early.listed.push_back({"vfio_pci", {"/hooks/" + hook}});
  }
  ImageStep listed;
  listed.applies_blacklist = true;
  add(listed.listed, parameters.early, on_command_line);
  for (const auto& module : words_of(config, "MODULES")) {
    listed.listed.push_back({module_name(module), {"/config"}});
  }
  const bool coldplug = !parameters.disabled_hooks.contains("udev");
  facts.steps = {std::move(early), std::move(listed), {{}, coldplug}};
}

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

bool is_of_dracut(const FileReader& image) {
  return image.exists("/lib/dracut") || image.exists("/usr/lib/dracut") ||
         image.exists("/etc/cmdline.d");
}

/// What systemd starts before udev's coldplug and modules-load.d, as our units say.
Modules read_first_units(const FileReader& image, bool by_address) {
  Modules modules;
  const std::string wants = "/usr/lib/systemd/system/sysinit.target.wants/vfio-switch-";
  const auto unit = wants + (by_address ? "bind" : "load") + ".service";
  if (image.exists(unit)) modules.push_back({"vfio_pci", {unit}});
  return modules;
}

/// True if systemd does not start `unit` in the image.
bool is_masked(const FileReader& image, std::string_view command_line, const std::string& unit) {
  const auto words = split_words(command_line, " \t\n");
  const auto link = image.read_link("/etc/systemd/system/" + unit);
  return std::ranges::find(words, "rd.systemd.mask=" + unit) != words.end() ||
         (link && *link == "/dev/null");
}

/// dracut: its pre-udev hooks, ours among them, then rd.driver.pre, then udev; rd.driver.post once
/// that has settled (dracut-ng 02e7ae10, modules.d/77dracut-systemd and 80base). It reads
/// /etc/cmdline.d, where force_drivers are written, and /etc/cmdline before the kernel command line
/// (dracut-lib.sh, getcmdline). mkinitcpio with systemd: our unit, then udev.
Result<void> read_systemd(ForeignFiles& image, std::string_view command_line,
                          const ModuleParameters& parameters, bool by_address, ImageFacts& facts) {
  const auto& reader = image.reader();
  auto hook = has_dracut_hook(reader);
  if (!hook) return failure_of(hook);
  ImageStep first;
  if (*hook && by_address) first.listed.push_back({"vfio_pci", {"/lib/dracut/hooks/pre-udev"}});
  std::ranges::move(read_first_units(reader, by_address), std::back_inserter(first.listed));
  ImageStep last;
  last.may_be_left_out = true;
  if (is_of_dracut(reader)) {
    auto paths = image.paths("/etc/cmdline.d", ".conf");
    paths.emplace_back("/etc/cmdline");
    const auto heed = [&](const ModuleParameters& some, const Place& where) {
      add(first.listed, some.before_udev, where);
      add(last.listed, some.after_udev, where);
      facts.blacklisted.insert(some.blacklisted_by_dracut.begin(),
                               some.blacklisted_by_dracut.end());
    };
    for (const auto& path : paths) heed(parse_module_parameters(image.text(path)), {path});
    heed(parameters, on_command_line);
  }
  ImageStep beside{{}, true};
  beside.applies_blacklist = true;
  if (reader.exists("/usr/lib/systemd/system/initrd.target") &&
      !is_masked(reader, command_line, "systemd-modules-load.service")) {
    beside.listed = read_modules_load(image);
    add(beside.listed, parameters.loaded, on_command_line);
    add(beside.listed, parameters.loaded_in_image, on_command_line);
  }
  facts.steps = {std::move(first), std::move(beside)};
  if (!last.listed.empty()) facts.steps.push_back(std::move(last));
  return {};
}

}  // namespace

Result<void> read_image_steps(ForeignFiles& image, std::string_view command_line,
                              ImageFacts& facts) {
  const auto& reader = image.reader();
  const auto parameters = parse_module_parameters(command_line);
  const bool by_address = facts.bind_script && !facts.config.overrides.empty();
  if (reader.exists("/scripts/functions") || reader.exists("/conf/modules")) {
    read_initramfs_tools(image, parameters, by_address, facts);
    return {};
  }
  if (const auto config = image.find(std::string(booster_config_path))) {
    facts.booster = parse_booster_config(*config);
    if (!facts.booster) image.add_unread(std::string(booster_config_path), "its form is not known");
    return {};
  }
  const bool systemd = reader.exists("/usr/lib/systemd/system/initrd.target");
  if (!systemd && reader.exists("/config")) {
    // Its parser ends at the first word that begins so (init_functions, parse_cmdline).
    const auto end = (" " + std::string(command_line)).find(" #");
    read_busybox(image, parse_module_parameters(command_line.substr(0, end)), facts);
    return {};
  }
  return read_systemd(image, command_line, parameters, by_address, facts);
}

}  // namespace vfio_switch
