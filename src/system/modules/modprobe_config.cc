// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/modprobe_config.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace vfio_switch {

std::vector<ModprobeFile> read_modprobe_config(ForeignFiles& files) {
  constexpr std::array<std::string_view, 4> directories = {
      "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/lib/modprobe.d"};
  std::vector<ModprobeFile> config;
  std::vector<std::string> dangling;
  const auto hidden_by_chance = [&](const std::string& name) {
    return std::ranges::any_of(dangling,
                               [&](const auto& path) { return path.ends_with("/" + name); });
  };
  for (const auto directory : directories) {
    for (const auto& name : files.names(std::string(directory))) {
      if (name.starts_with('.') || (!name.ends_with(".conf") && !name.ends_with(".alias"))) {
        continue;
      }
      auto path = std::string(directory) + "/" + name;
      auto file = read_foreign(files.reader(), path);
      if (file.kind == ForeignKind::directory) continue;
      if (file.kind == ForeignKind::text && hidden_by_chance(name)) {
        // libkmod 30 asks what a dangling link leads to, and looks at an answer that it did not
        // get.
        files.add_unread(path,
                         "whether modprobe reads it cannot be predicted, because a broken symbolic "
                         "link has the same name");
      }
      if (file.kind == ForeignKind::dangling) dangling.push_back(path);
      if (!file.why.empty()) files.add_unread(path, std::move(file.why));
      config.push_back({std::move(path), std::move(file.text)});
    }
  }
  return config;
}

}  // namespace vfio_switch
