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

/// A module per line, which has nothing else: systemd takes the whole line for its name. A line
/// that begins with `#` or `;` is a comment.
void read_list(ForeignFiles& files, const std::string& path, std::vector<EarlyModule>& modules) {
  const auto content = files.text(path);
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    const auto name = trim(line);
    if (name.empty() || name.starts_with('#') || name.starts_with(';')) continue;
    modules.push_back({module_name(name), {path, number}});
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
  // The first of them hides the others: a link to /dev/null, or an empty file, turns it off.
  const auto has = [&](const std::string& name) {
    constexpr std::array directories = {"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"};
    for (const std::string directory : directories) {
      const auto file = read_foreign(files.reader(), directory + name);
      if (file.kind != ForeignKind::absent)
        return file.kind == ForeignKind::text && !file.text.empty();
    }
    return false;
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
