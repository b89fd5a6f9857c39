// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>

#include "core/machine/facts.h"
#include "core/message/data.h"

namespace vfio_switch {

/// Where Debian's installer keeps what initramfs-tools resumes from: RESUME=UUID=...
inline constexpr std::string_view resume_setting_path = "/etc/initramfs-tools/conf.d/resume";

/// The line of that file, whose text is given, that names a device to resume from. `auto` does not:
/// it takes a swap area if there is one.
[[nodiscard]] std::optional<Place> find_resume_setting(std::string_view text);

/// What says that this machine resumes from hibernation: a word of the kernel command line that the
/// next boot or the running system has, or the line of resume_setting_path. Nothing where the
/// command line turns it off.
[[nodiscard]] std::optional<Item> find_hibernation(const SystemFacts& facts);

}  // namespace vfio_switch
