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
  mkinitcpio,
  update_initramfs,
};

[[nodiscard]] std::string_view to_string(InitramfsGenerator generator);

/// What differs between distributions, as data: see vfio-switch(8).
/// A profile holds no shell, no conditions and no templates but `%k` and `%p`.
struct Profile {
  std::string id;                             ///< os-release ID, or a word of ID_LIKE
  std::vector<InitramfsGenerator> initramfs;  ///< candidates; the installed one is used
  std::vector<std::string> initramfs_images;  ///< image path of a kernel; see expand_image()

  bool operator==(const Profile&) const = default;
};

/// Parses a profile. An unknown, missing or repeated key is an Error (usage) that names `file`
/// and the line.
[[nodiscard]] Result<Profile> parse_profile(std::string_view file, std::string_view text);

/// The profile for `os`: its ID first, then each word of ID_LIKE in order; null where none fits.
[[nodiscard]] const Profile* match_profile(const std::vector<Profile>& profiles,
                                           const OsRelease& os);

/// Replaces every `%k` of `path` by a kernel release, and every `%p` by the name of the package base
/// that it was built from (Arch's "linux-lts"). Empty where `path` wants a package base, and the
/// kernel has none.
[[nodiscard]] std::string expand_image(std::string_view path, std::string_view release,
                                       std::string_view package);

}  // namespace vfio_switch
