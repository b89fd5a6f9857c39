// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/modules_load.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// A module per line; `#` and `;` begin comments.
void read_list(ForeignFiles& files, const std::string& path, std::vector<EarlyModule>& modules) {
  const auto content = files.text(path);
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    const auto words = split_words(line);
    if (words.empty() || words[0].starts_with('#') || words[0].starts_with(';')) continue;
    modules.push_back({module_name(words[0]), {path, number}});
  }
}

}  // namespace

std::vector<EarlyModule> read_modules_load(ForeignFiles& files) {
  std::map<std::string, std::string> counting;  // paths, by their base name
  for (const std::string directory : {"/etc/modules-load.d", "/run/modules-load.d",
                                      "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d"}) {
    for (const auto& path : files.paths(directory, ".conf")) {
      counting.emplace(path.substr(path.rfind('/') + 1), path);
    }
  }
  std::vector<EarlyModule> modules;
  for (const auto& [name, path] : counting) read_list(files, path, modules);
  return modules;
}

std::vector<DriverctlOverride> read_driverctl(ForeignFiles& files) {
  const auto has = [&](const std::string& name) {
    constexpr std::array directories = {"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"};
    return std::ranges::any_of(directories, [&](const std::string& directory) {
      return files.reader().exists(directory + name);
    });
  };
  if (!has("udev/rules.d/05-driverctl.rules") || !has("systemd/system/driverctl@.service")) {
    return {};
  }
  std::vector<DriverctlOverride> overrides;
  for (const auto& path : files.paths("/etc/driverctl.d", "")) {
    if (auto one = parse_driverctl(path, files.text(path))) overrides.push_back(std::move(*one));
  }
  return overrides;
}

bool keeps_dracuts_blacklist(ForeignFiles& files) {
  const std::string directory = "/usr/lib/dracut/modules.d";
  for (const auto& name : files.names(directory)) {
    if (!name.ends_with("dracut-systemd")) continue;
    const auto script = files.find(directory + "/" + name + "/dracut-pre-udev.sh");
    if (script) return script->find("/run/modprobe.d") != std::string::npos;
  }
  return true;
}

std::vector<EarlyModule> read_root_lists(ForeignFiles& files) {
  auto modules = read_modules_load(files);
  read_list(files, "/etc/modules", modules);
  return modules;
}

}  // namespace vfio_switch
