// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/machine/facts.h"
#include "core/machine/packages.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// Asks the program that links libalpm, where there is a pacman database: beside this program, or
/// where the package has it. Nothing where there is no database, no such program, or where it
/// cannot be started, for example because a library was upgraded.
[[nodiscard]] std::optional<PackageFacts> ask_libalpm(const FileReader& files,
                                                      const std::vector<Kernel>& kernels);

/// The same, read from the database's own files.
[[nodiscard]] std::optional<PackageFacts> read_pacman_database(const FileReader& files,
                                                               const std::vector<Kernel>& kernels);

/// What libalpm says, else what the files say; nothing where there is no pacman database.
[[nodiscard]] std::optional<PackageFacts> read_packages(const FileReader& files,
                                                        const std::vector<Kernel>& kernels);

}  // namespace vfio_switch
