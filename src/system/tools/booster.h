// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Arch's booster is no InitramfsTool: of modprobe.d it reads `options` lines alone, so that no
/// softdep and no install line reaches its images. Where it builds them, the hindrance says what a
/// person can write by hand. `generator`: find_generator()'s answer.
[[nodiscard]] std::vector<ImageHindrance> find_booster(const FileReader& files,
                                                       std::optional<InitramfsGenerator> generator);

}  // namespace vfio_switch
