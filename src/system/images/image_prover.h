// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/binding/contest.h"
#include "core/images/image_verdict.h"
#include "system/files/file_reader.h"
#include "system/images/opened_images.h"

namespace vfio_switch {

/// The files that boot with `kernel`: what its entry loads, else the image that is built for it.
[[nodiscard]] std::vector<std::string> images_of(const Kernel& kernel);

/// Opens the images of `kernel`, unpacked one over the other, and asks libkmod, on their own
/// indices and configuration, which driver gets each function. `root` is what the real root does
/// after it, and may be about other kernels, too. One that cannot be read gives a report, not an
/// Error.
[[nodiscard]] Result<ImageReport> prove_image(const FileReader& files, const SystemFacts& facts,
                                              const Kernel& kernel,
                                              const std::vector<Contest>& root,
                                              const OpenedImages& opened);

}  // namespace vfio_switch
