// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/modules/modprobe_conf.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Where libkmod looks for its configuration: directories, or files of any name.
using LibkmodPaths = std::vector<std::string>;

/// How libkmod itself reads the configuration at `paths` and how `ours` tells it, where the two
/// differ: both as text for a developer. What libkmod adds from the kernel command line of the
/// running system does not count.
[[nodiscard]] std::optional<std::string> libkmod_difference(
    const std::vector<ModprobeDirective>& ours, const LibkmodPaths& paths);

/// The file that libkmod, asked for the configuration of the running system, reads in another way
/// than `config` tells, as read by read_modprobe_config(); nothing where it agrees. Where no file
/// can be found that explains it, the first directory.
[[nodiscard]] std::optional<std::string> file_read_differently(
    const FileReader& files, const std::vector<ModprobeFile>& config);

}  // namespace vfio_switch
