// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/modules/modprobe_conf.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// What becomes of a file that releases of kmod read in different ways, where it is not known which
/// one is installed.
enum class UnknownRelease {
  makes_unread,  ///< nobody knows what it says
  is_left,       ///< whoever uses the files asks for possible_readings()
};

/// Why such a file is not understood.
constexpr std::string_view why_unknown_release =
    "releases of kmod read it differently, and which one is installed is not known";

/// Every file of every directory that modprobe reads (modprobe.d(5)), the directory that wins
/// first. Read by us instead of by libkmod, whose paths and absolute links would leave the root.
/// As that libkmod does which is installed there (conf_files_filter_out), hidden files and
/// directories are passed over; what cannot be read hides files of its name, and says nothing.
[[nodiscard]] std::vector<ModprobeFile> read_modprobe_config(
    ForeignFiles& files, UnknownRelease unknown = UnknownRelease::makes_unread);

/// The rules of the libkmod that is installed, by the name of its file.
[[nodiscard]] ModprobeRules read_modprobe_rules(const FileReader& files);

/// The directories that a libkmod may look into, the one that wins first.
[[nodiscard]] std::vector<std::string> modprobe_directories(const FileReader& files,
                                                            const ModprobeRules& rules);

}  // namespace vfio_switch
