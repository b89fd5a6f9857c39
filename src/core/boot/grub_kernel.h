// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/boot/grub_machine.h"

namespace vfio_switch {

/// The command line that GRUB makes of arguments: one that holds a blank is put in quotes, and
/// quotes and backslashes in it are escaped (GRUB's lib/cmdline.c).
[[nodiscard]] std::string grub_command_line(const std::vector<std::string>& arguments);

/// Carries out `linux FILE WORDS...`, expanded to `words`.
void start_kernel(GrubStart& start, const GrubExpansion& words, const GrubState& state,
                  const EntrySource& source);

}  // namespace vfio_switch
