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

/// True if the settings have `parameter`, but the file that is generated from them lacks it. False
/// if only root can read that file.
[[nodiscard]] bool is_stale(const BootLoader& loader, std::string_view parameter);

/// True where the command line gets to the boot loader when an image is built.
[[nodiscard]] bool comes_with_image(const BootLoader& loader);

/// The first setting that has the parameter `word`; nothing where none does.
[[nodiscard]] std::optional<Place> where_set(const BootLoader& loader, std::string_view word);

/// The last word of `command_line` that sets `key` (underscores for dashes), as it stands there.
[[nodiscard]] std::optional<std::string> last_parameter(std::string_view command_line,
                                                        std::string_view key);

/// The same of the settings, or, if they are not known, of `running`, this boot's command line.
[[nodiscard]] std::optional<std::string> last_parameter(const BootLoader& loader,
                                                        std::string_view running,
                                                        std::string_view key);

/// The value of the last parameter `key` (underscores for dashes) that the next boot gets. It is
/// taken from the settings, or, if they are not known, from `running`, this boot's command line. An
/// empty value there does not count: people append it for a single boot.
[[nodiscard]] std::optional<std::string> parameter_value(const BootLoader& loader,
                                                         std::string_view running,
                                                         std::string_view key);

/// The changes after which `loader` passes `add`, and passes `drop`, which are ours, no more. As
/// unexpected: why that is not possible, and the exact line to change and its file.
[[nodiscard]] std::expected<ParameterEdit, Obstacle> edit_parameters(
    const BootLoader& loader, const std::vector<std::string>& add,
    const std::vector<std::string>& drop);

/// False for a file at `path` that says of no kernel that is to be started which parameters it
/// gets.
[[nodiscard]] bool tells_parameters(std::string_view path, std::string_view content);

/// True if `content`, which a boot loader's tool wrote to `path`, passes `parameter` to the kernel.
/// Of a grub.cfg it is enough that one entry does.
[[nodiscard]] bool output_has(std::string_view path, std::string_view content,
                              std::string_view parameter);

}  // namespace vfio_switch
