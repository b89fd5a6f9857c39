// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/boot/boot_loader.h"

namespace vfio_switch {

/// The entry of the newest deployment that is no staged one; null where there is none. Those before
/// it keep their own command lines.
[[nodiscard]] const ParameterFile* next_deployment(const Deployments& deployments);

/// True if the deployment that starts next has `parameter`: the one that is staged, as far as that
/// says which kernel arguments it gets, else next_deployment().
[[nodiscard]] bool next_has(const Deployments& deployments, std::string_view parameter);

}  // namespace vfio_switch
