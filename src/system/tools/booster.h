// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Arch's booster is not an InitramfsTool: it reads only the `options` lines of modprobe.d, so that
/// softdeps and install lines do not reach its images. If it is in use (the only tool, or what
/// built an image that boots), the hindrance says what to write by hand. `generator`:
/// find_generator()'s answer.
[[nodiscard]] std::vector<ImageHindrance> find_booster(const FileReader& files,
                                                       std::optional<InitramfsGenerator> generator,
                                                       const std::vector<Kernel>& kernels);

/// True for a file that booster builds: no other tool, and no hook that copies, makes it.
[[nodiscard]] bool is_boosters(const std::string& image);

}  // namespace vfio_switch
