// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "apply/journal_entry.h"
#include "apply/journalled_state.h"
#include "core/base/error.h"
#include "core/files/diff.h"
#include "system/files/file_store.h"

namespace vfio_switch {

/// A change as the journal keeps it.
[[nodiscard]] Json json_of(const FileChange& change);

/// The transaction that a record of the journal begins. Where bytes of it are lost: an Error, or,
/// while something is salvaged, one more of `problems`. Throws where the record is none.
[[nodiscard]] Result<JournalEntry> read_begin(const Json& begin, const FileReader& files,
                                              std::vector<std::string>* problems);

/// What the boot loader's tool is going to write over, kept, and remembered in `entry`.
[[nodiscard]] Result<Json> begin_boot_run(FileStore& files, const BootParameters& boot,
                                          JournalEntry& entry);

/// The first path of `entry` that JSON cannot hold.
[[nodiscard]] std::string odd_name(const JournalEntry& entry);

}  // namespace vfio_switch
