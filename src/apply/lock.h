// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>

#include "core/base/error.h"
#include "system/files/file_store.h"

namespace vfio_switch {

/// The right to change the machine: one process has it at a time, and it ends with that process.
class Lock {
 public:
  /// Takes the lock, waiting for it as long as `patience` allows, or says who holds it. `verb` is
  /// what the next one is told.
  [[nodiscard]] static Result<Lock> take(FileStore& files, const std::string& verb,
                                         std::chrono::seconds patience);

 private:
  explicit Lock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// False if the lock, the journal or state.json exists but is not a readable regular file. Then no
/// plan can be carried out, but the way out can.
[[nodiscard]] bool are_books_usable(const FileReader& files);

/// Makes the state directory and the journal's, where they are missing. An Error where somebody
/// else could write there.
[[nodiscard]] Result<void> make_state_directories(FileStore& files);

}  // namespace vfio_switch
