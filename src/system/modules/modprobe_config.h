// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/modules/modprobe_conf.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// Every file of every directory that modprobe reads (modprobe.d(5)), the directory that wins
/// first. Read by us instead of by libkmod, whose paths and absolute links would leave the root.
/// As libkmod does (conf_files_filter_out), hidden files and directories are passed over; what
/// cannot be read hides files of its name, and says nothing.
[[nodiscard]] std::vector<ModprobeFile> read_modprobe_config(ForeignFiles& files);

}  // namespace vfio_switch
