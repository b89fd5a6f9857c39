// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>

#include "apply/journal.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What the undo of a transaction restores. Counted before it begins, since nothing differs
/// afterwards. Our own state and directories are left out: nobody else knows them.
struct Restored {
  std::size_t files = 0;
  std::size_t images = 0;

  /// "2 files, 1 image restored"; empty where the transaction had changed nothing.
  [[nodiscard]] std::string str() const;
};

[[nodiscard]] Restored count_restored(const FileReader& files, const JournalEntry& entry);

}  // namespace vfio_switch
