// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/machine/profile.h"
#include "core/machine/settings.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// A profile as it was when the program was built.
struct EmbeddedProfile {
  std::string_view name;  ///< "debian.conf"
  std::string_view text;
};

[[nodiscard]] const std::vector<EmbeddedProfile>& embedded_profiles();

/// The profile for the distribution below this root. A file in /etc/vfio-switch/profiles hides
/// one of its name in /usr/share/vfio-switch/profiles, and that one an embedded one. An Error
/// where a file is wrong (usage), or none fits (failed).
[[nodiscard]] Result<Profile> load_profile(const FileReader& files);

/// /etc/vfio-switch.conf, or the defaults where there is none.
[[nodiscard]] Result<Settings> load_settings(const FileReader& files);

}  // namespace vfio_switch
