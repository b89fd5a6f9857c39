// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// The lines of the generator's settings that a person changes, and the command that makes the
/// entries then. vfio-switch writes neither yet.
[[nodiscard]] Obstacle obstacle(const EntryGenerator& generator,
                                const std::vector<std::string>& add,
                                const std::vector<std::string>& drop);

/// True if a line of such settings that is no comment has `parameter`.
[[nodiscard]] bool generator_has(std::string_view settings, std::string_view parameter);

}  // namespace vfio_switch
