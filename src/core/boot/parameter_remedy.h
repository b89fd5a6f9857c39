// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/files/config_line.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// What a person does so that every later boot gets `add` and no longer gets `drop`: the lines that
/// edit_parameters() would change, and the tool that it would run. Files that a tool generates are
/// never among them. Where GRUB reads a directory, the line that counts is edited instead of our
/// own file there, which nobody but the program writes.
[[nodiscard]] Remedy parameter_remedy(const BootLoader& loader, const std::vector<std::string>& add,
                                      const std::vector<std::string>& drop);

/// The same where `parameter` stands in a line that is known, whichever program reads it. Of a file
/// that belongs to a tool the tool's own way is told.
[[nodiscard]] Remedy removal_remedy(const BootLoader& loader, const ConfigLine& line,
                                    std::string_view parameter);

/// The words of a line that is known which may be parameters; none of a comment.
[[nodiscard]] std::vector<std::string_view> parameters_in(const ConfigLine& line);

/// What has to be repaired in the boot loader's settings before any parameter can change there.
[[nodiscard]] std::optional<Obstacle> broken_settings(const BootLoader& loader);

}  // namespace vfio_switch
