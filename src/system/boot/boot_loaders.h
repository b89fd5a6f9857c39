// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/boot/boot_loader.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// What passes the command line to this system's kernels: what the boot loader itself has told the
/// firmware, else the only one that is set up. Nothing is written and no program is run. Never an
/// Error: what takes root to read, or several that are set up, is an UnknownLoader that says so.
[[nodiscard]] BootLoader find_boot_loader(const FileReader& files);

/// The line of crypttab(5) that has the TPM unlock a disk: "/etc/crypttab:3"; nothing where none.
[[nodiscard]] std::optional<Place> find_tpm_unlock(ForeignFiles& files);

}  // namespace vfio_switch
