// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// The installed kernels, newest first: the directories of /lib/modules that hold a module
/// index. What dkms leaves behind after a kernel's removal holds none.
/// `generator`, find_generator()'s answer, may say where their images are.
[[nodiscard]] Result<std::vector<Kernel>> read_kernels(ForeignFiles& files, const Profile& profile,
                                                       std::optional<InitramfsGenerator> generator);

}  // namespace vfio_switch
