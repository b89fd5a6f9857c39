// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "apply/journal.h"
#include "core/base/error.h"
#include "core/plan/plan.h"
#include "system/files/file_reader.h"
#include "system/machine/machine.h"

namespace vfio_switch {

/// True if `made` changed a file that belongs to the boot loader, to add or remove our kernel
/// parameters. roll_back_boot() restores such a file.
[[nodiscard]] bool is_boot_setting(const FileChange& made);

/// A file of settings without our parameters `ours`. What the journal has as a file's former
/// content may hold them: somebody edited it between two changes of ours.
[[nodiscard]] FileState without_ours(const std::string& path, const FileState& state,
                                     const std::vector<std::string>& ours);

/// What a rollback does about the kernel command line.
struct BootRollback : PlanPart {
  /// Files that are given back: an image that is built may hold them, so they come before it.
  std::vector<FileChange> settings;
};

/// What takes our kernel parameters out again, for a rollback that does `planned` already. A file
/// that nobody changed since gets the bytes that it had; of any other only the parameters go. What
/// the boot loader's tool wrote is put back in the same way, or else the tool writes it again.
[[nodiscard]] Result<BootRollback> roll_back_boot(const Diff& planned, const FileReader& files,
                                                  const Machine& machine, const Journal& journal,
                                                  const PlanOptions& options);

}  // namespace vfio_switch
