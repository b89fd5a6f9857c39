// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/images/image_verdict.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Opens the image of `kernel` and asks libkmod, on the image's own indices and configuration, who
/// gets each function of `claims`. `root` is what the real root does after it. An image that cannot
/// be read gives a report, not an Error.
[[nodiscard]] Result<ImageReport> prove_image(const FileReader& files, const SystemFacts& facts,
                                              const Kernel& kernel,
                                              const std::vector<Claim>& claims,
                                              const std::vector<LoadOrder>& root);

}  // namespace vfio_switch
