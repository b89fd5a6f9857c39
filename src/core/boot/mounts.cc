// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/mounts.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// The mount points of `mountinfo`. One that is only an automount's trigger holds nothing yet.
std::set<std::string_view> mounted_paths(std::string_view mountinfo) {
  constexpr std::size_t mount_point = 4;
  std::set<std::string_view> paths;
  for (const auto line : split_lines(mountinfo)) {
    const auto words = split_words(line);
    const auto separator = std::ranges::find(words, "-");
    if (words.size() <= mount_point || words.end() - separator < 2) continue;
    if (*(separator + 1) != "autofs") paths.insert(words[mount_point]);
  }
  return paths;
}

}  // namespace

std::vector<std::string> unmounted_boot_paths(std::string_view fstab, std::string_view mountinfo) {
  constexpr std::array<std::string_view, 3> boot_paths = {"/boot", "/boot/efi", "/efi"};
  constexpr std::size_t options = 3;
  const auto mounted = mounted_paths(mountinfo);
  std::vector<std::string> missing;
  for (const auto line : split_lines(fstab)) {
    const auto words = split_words(line);
    if (words.size() < 2 || words[0].starts_with('#')) continue;
    auto path = words[1];
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    if (std::ranges::find(boot_paths, path) == boot_paths.end() || mounted.contains(path)) continue;
    // An ESP that is mounted by hand holds the boot loader; images are in /boot.
    const auto flags = split_words(words.size() > options ? words[options] : "", ",");
    const bool by_hand = std::ranges::find(flags, "noauto") != flags.end() &&
                         std::ranges::find(flags, "x-systemd.automount") == flags.end();
    if (path != "/boot" && by_hand) continue;
    missing.emplace_back(path);
  }
  return missing;
}

}  // namespace vfio_switch
