// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// The installed kernels, newest first: the directories of /lib/modules that hold a module
/// index. What dkms leaves behind after a kernel's removal holds none.
/// `generator`, find_generator()'s answer, may say where their images are. What boots is not looked
/// at yet: see follow_menu().
[[nodiscard]] Result<std::vector<Kernel>> read_kernels(ForeignFiles& files, const Profile& profile,
                                                       std::optional<InitramfsGenerator> generator);

/// The paths at which the initramfs tool may build an image of `kernel`, whether one stands there
/// or not.
[[nodiscard]] std::vector<std::string> image_candidates(ForeignFiles& files, const Profile& profile,
                                                        std::optional<InitramfsGenerator> generator,
                                                        const Kernel& kernel);

}  // namespace vfio_switch
