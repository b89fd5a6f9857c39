// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/boot/boot_loader.h"

namespace vfio_switch {

/// True if the deployment that starts next has `parameter`: the one that is staged, as far as that
/// says which kernel arguments it gets, else that of the highest version. Those before it keep
/// their own command lines.
[[nodiscard]] bool next_has(const Deployments& deployments, std::string_view parameter);

}  // namespace vfio_switch
