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

/// Who edits. The program has a drop-in of its own where one is read and counts, and builds images
/// by itself; a person changes the line that counts, and runs the tool.
enum class Editor { program, person };

/// edit_parameters() for tools that write boot entries.
[[nodiscard]] std::expected<ParameterEdit, Obstacle> edit_generator(
    const EntryGenerator& generator, const std::vector<std::string>& add,
    const std::vector<std::string>& drop, Editor editor = Editor::program);

/// Why the tool of `loader` is run.
[[nodiscard]] Reason why_generated(const BootLoader& loader, const std::vector<std::string>& add,
                                   const std::vector<std::string>& drop);

/// True if the settings, one file read after the other, have `parameter`.
[[nodiscard]] bool generator_passes(const EntryGenerator& generator, std::string_view parameter);

}  // namespace vfio_switch
