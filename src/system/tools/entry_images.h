// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// Says of each kernel in `facts` what boots with it, as the boot menu has it: the files and the
/// command line of its entry, and which image has to be built so that they change. Kernels that
/// nothing starts are set apart. Where the menu does not tell, everything stays a guess.
void follow_menu(ForeignFiles& files, const Profile& profile,
                 std::optional<InitramfsGenerator> generator, SystemFacts& facts);

/// Images that a boot loader would refuse once they were built anew: it compares them with a
/// checksum, which nothing that is installed writes.
[[nodiscard]] std::vector<ImageHindrance> find_verified(const FileReader& files,
                                                        const SystemFacts& facts);

}  // namespace vfio_switch
