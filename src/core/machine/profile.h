// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/machine/os_release.h"

namespace vfio_switch {

/// The closed set of programs that build an initramfs; code for each is in system/.
enum class InitramfsGenerator {
  limine_mkinitcpio,
  mkinitcpio,
  update_initramfs,
  dracut,
};

[[nodiscard]] std::string_view to_string(InitramfsGenerator generator);

/// What differs between distributions, as data: see vfio-switch-profile(5).
/// A profile contains no shell code, no conditions and no templates except those of ImageNames.
struct Profile {
  std::string id;                             ///< os-release ID, or a word of ID_LIKE
  std::vector<InitramfsGenerator> initramfs;  ///< candidates; the installed one is used
  std::vector<std::string> initramfs_images;  ///< image paths of a kernel: see expand_image()

  bool operator==(const Profile&) const = default;
};

/// Parses a profile. An unknown, missing or repeated key is an Error (usage) that names `file`
/// and the line.
[[nodiscard]] Result<Profile> parse_profile(std::string_view file, std::string_view text);

/// The profile for `os`: its ID first, then each word of ID_LIKE in order; null where none fits.
[[nodiscard]] const Profile* match_profile(const std::vector<Profile>& profiles,
                                           const OsRelease& os);

/// What a path of an image may be made of.
struct ImageNames {
  std::string release;  ///< %k
  std::string package;  ///< %p: the package base that the kernel was built from ("linux-lts")
  /// %m: what names this installation's boot entries (kernel-install(8): the machine id, or what
  /// /etc/kernel/entry-token holds).
  std::string entry;
};

/// Fills the names into `path`. Empty if a name that it needs is missing.
[[nodiscard]] std::string expand_image(std::string_view path, const ImageNames& names);

}  // namespace vfio_switch
