// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/boot/parameter_change.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// edit_parameters() for GRUB: in a drop-in of our own where one is read, else in
/// /etc/default/grub.
[[nodiscard]] std::expected<ParameterEdit, Obstacle> edit_grub(
    const Grub& grub, const std::vector<std::string>& add, const std::vector<std::string>& drop);

/// True if the settings, one file sourced after the other, have `parameter`.
[[nodiscard]] bool grub_passes(const Grub& grub, std::string_view parameter);

}  // namespace vfio_switch
