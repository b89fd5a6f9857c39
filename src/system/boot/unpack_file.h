// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string_view>

#include "core/boot/kernel_image.h"

namespace vfio_switch {

/// Unpacks a part of an open file (core/boot/kernel_image.h); for kernels that are no bzImage.
using UnpackFile = std::function<bool(int fd, const KernelPayload& payload,
                                      const std::function<bool(std::string_view)>& take)>;

}  // namespace vfio_switch
