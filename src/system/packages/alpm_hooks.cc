// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/packages/alpm_hooks.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

namespace {

/// The hook's text; empty where there is none, or where it is masked by a link to /dev/null.
std::string read_hook(const FileReader& files, const std::string& name) {
  constexpr std::array<const char*, 2> directories = {"/etc/pacman.d/hooks/",
                                                      "/usr/share/libalpm/hooks/"};
  for (const std::string directory : directories) {
    auto file = read_foreign(files, directory + name);
    if (file.kind != ForeignKind::absent) return std::move(file.text);
  }
  return {};
}

/// One [Trigger] of a hook: see alpm-hooks(5).
struct Trigger {
  bool path = false;
  bool on_removal = false;
  bool on_arrival = false;  ///< install and upgrade
  std::vector<std::string> patterns;
};

std::vector<Trigger> parse_triggers(std::string_view hook) {
  std::vector<Trigger> triggers;
  bool inside = false;
  for (const auto raw : split_lines(hook)) {
    const auto line = trim(raw);
    if (line.starts_with('[')) {
      inside = line == "[Trigger]";
      if (inside) triggers.emplace_back();
    }
    const auto equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    const auto key = trim(line.substr(0, equals));
    const auto value = trim(line.substr(equals + 1));
    auto& trigger = triggers.back();
    if (key == "Type") trigger.path = value == "Path" || value == "File";
    if (key == "Operation") (value == "Remove" ? trigger.on_removal : trigger.on_arrival) = true;
    if (key == "Target") trigger.patterns.emplace_back(value);
  }
  return triggers;
}

/// pacman does not tell hooks whether a path was installed or removed, so it is looked up.
bool fires(const FileReader& files, const Trigger& trigger, const std::string& target) {
  const bool fits = std::ranges::any_of(trigger.patterns, [&](const std::string& pattern) {
    // libalpm passes no flags either: a star also matches slashes.
    return ::fnmatch(pattern.c_str(), target.c_str(), 0) == 0;
  });
  if (!fits || !trigger.path) return fits;
  return files.exists("/" + target) ? trigger.on_arrival : trigger.on_removal;
}

}  // namespace

bool builds_images(const FileReader& files, const std::vector<std::string>& targets) {
  for (const std::string name : {"90-mkinitcpio-install.hook", "90-dracut-install.hook"}) {
    const auto hook = read_hook(files, name);
    for (const auto& trigger : parse_triggers(hook)) {
      const bool fired = std::ranges::any_of(
          targets, [&](const std::string& target) { return fires(files, trigger, target); });
      if (fired) return true;
    }
  }
  return false;
}

}  // namespace vfio_switch
