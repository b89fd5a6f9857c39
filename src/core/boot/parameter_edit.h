// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/boot/parameter_change.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// True if the next boot gets `parameter`, as far as the boot loader's settings say.
[[nodiscard]] bool has_parameter(const BootLoader& loader, std::string_view parameter);

/// True if settings have `parameter` that what was generated from them lacks. False where it takes
/// root to tell.
[[nodiscard]] bool is_stale(const BootLoader& loader, std::string_view parameter);

/// The first setting that has the parameter `word`; nothing where none does.
[[nodiscard]] std::optional<Place> where_set(const BootLoader& loader, std::string_view word);

/// The value of the last parameter `key` (underscores for dashes) that the next boot gets: of the
/// settings where those are known, else of `running`, this boot's command line, unless it is empty
/// there, as somebody gives it for one boot.
[[nodiscard]] std::optional<std::string> parameter_value(const BootLoader& loader,
                                                         std::string_view running,
                                                         std::string_view key);

/// The changes after which `loader` passes `add`, and passes `drop`, which are ours, no more. As
/// unexpected: why that is not possible, and the exact line to change and its file.
[[nodiscard]] std::expected<ParameterEdit, Obstacle> edit_parameters(
    const BootLoader& loader, const std::vector<std::string>& add,
    const std::vector<std::string>& drop);

/// True if every kernel that is started by name from `content`, what a boot loader's tool left at
/// `path`, or one of them in grub.cfg, gets `parameter`.
[[nodiscard]] bool output_has(std::string_view path, std::string_view content,
                              std::string_view parameter);

}  // namespace vfio_switch
