// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "apply/journal.h"
#include "core/base/error.h"
#include "core/files/diff.h"
#include "core/machine/profile.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"

namespace vfio_switch {

/// Where the bytes of the images that `diff` builds wait, and of what else their builds may change;
/// an Error (refused) where there is no room for them, or for what a tool writes before it takes
/// their place.
[[nodiscard]] Result<std::vector<KeptImage>> choose_places(const FileStore& files,
                                                           const CommandRunner& runner,
                                                           const Profile& profile,
                                                           const Diff& diff);

[[nodiscard]] Result<void> keep_images(FileStore& files, const std::vector<KeptImage>& images);

/// True if what stands in the place of a kept image has other bytes by now, or is gone.
[[nodiscard]] bool is_changed(const FileReader& files, const KeptImage& kept);

}  // namespace vfio_switch
