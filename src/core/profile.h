// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/os_release.h"

namespace vfio_switch {

/// The closed set of programs that build an initramfs; code for each is in system/.
enum class InitramfsGenerator {
  update_initramfs,
  dracut,
};

[[nodiscard]] std::string_view to_string(InitramfsGenerator generator);

/// What differs between distributions, as data: see vfio-switch-profile(5).
/// A profile holds no shell, no conditions and no templates but `%k` and `%m`.
struct Profile {
  std::string id;                             ///< os-release ID, or a word of ID_LIKE
  std::vector<InitramfsGenerator> initramfs;  ///< candidates; the installed one is used
  /// Image paths of a kernel: %k is its release, %m the name that the boot entries of this
  /// installation have (kernel-install(8): the machine id, or /etc/kernel/entry-token).
  std::vector<std::string> initramfs_images;

  bool operator==(const Profile&) const = default;
};

/// Parses a profile. An unknown, missing or repeated key is an Error (usage) that names `file`
/// and the line.
[[nodiscard]] Result<Profile> parse_profile(std::string_view file, std::string_view text);

/// The profile for `os`: its ID first, then each word of ID_LIKE in order; null where none fits.
[[nodiscard]] const Profile* match_profile(const std::vector<Profile>& profiles,
                                           const OsRelease& os);

/// Replaces every `%k` of `path` by a kernel release, and every `%m` by `entry`.
[[nodiscard]] std::string expand_image(std::string_view path, std::string_view release,
                                       std::string_view entry);

}  // namespace vfio_switch
