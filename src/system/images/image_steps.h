// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/base/error.h"
#include "core/images/image_content.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// Adds to `facts`, whose configuration is read already, how the image loads modules: step by
/// step, as its builder's init does it, and what that keeps away. `command_line` is what its kernel
/// gets.
[[nodiscard]] Result<void> read_image_steps(ForeignFiles& image, std::string_view command_line,
                                            ImageFacts& facts);

}  // namespace vfio_switch
