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
enum class InitramfsGenerator { update_initramfs };

[[nodiscard]] std::string_view to_string(InitramfsGenerator generator);

/// What differs between distributions, as data: see vfio-switch-profile(5).
/// A profile holds no shell, no conditions and no templates but `%k`.
struct Profile {
  std::string id;                             ///< os-release ID, or a word of ID_LIKE
  std::vector<InitramfsGenerator> initramfs;  ///< candidates; the installed one is used
  std::vector<std::string> initramfs_images;  ///< image path of a kernel; %k is its release

  bool operator==(const Profile&) const = default;
};

/// Parses a profile. An unknown, missing or repeated key is an Error (usage) that names `file`
/// and the line.
[[nodiscard]] Result<Profile> parse_profile(std::string_view file, std::string_view text);

/// The profile for `os`: its ID first, then each word of ID_LIKE in order; null where none fits.
[[nodiscard]] const Profile* match_profile(const std::vector<Profile>& profiles,
                                           const OsRelease& os);

/// Replaces every `%k` of `path` by a kernel release.
[[nodiscard]] std::string expand_release(std::string_view path, std::string_view release);

}  // namespace vfio_switch
