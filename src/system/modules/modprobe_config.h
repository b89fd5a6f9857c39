// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/modules/modprobe_conf.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Every *.conf of every directory that modprobe reads (modprobe.d(5)), the directory that wins
/// first. Read by us instead of by libkmod, whose paths and absolute links would leave the root.
[[nodiscard]] Result<std::vector<ModprobeFile>> read_modprobe_config(const FileReader& files);

}  // namespace vfio_switch
