// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apply/journal.h"
#include "apply/progress.h"
#include "core/base/error.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"

namespace vfio_switch {

/// True if the next writing command has something to recover() from.
[[nodiscard]] bool needs_recovery(const FileReader& files, const Journal& journal);

/// Takes back what the journal says was begun, at once or in a later run. It needs the journal, and
/// nothing of what planning needs. It compares before it replaces: what somebody else has written
/// since, a file or an image, stays, and is named.
class Recovery {
 public:
  /// `progress` must outlive it.
  Recovery(FileStore& files, CommandRunner& runner, const Progress& progress)
      : files_(files), runner_(runner), progress_(progress) {}

  /// Takes back the transaction that was interrupted, or finishes one that had only its traces left
  /// to remove; says what it did, if anything. An Error where an image's file system is not
  /// mounted: the copies wait until it is.
  [[nodiscard]] Result<std::optional<std::string>> recover(Journal& journal);

  /// Whether the transaction is this run's or an earlier run's. A file that was written after an
  /// earlier run's builder had ended is not ours.
  enum class Run { this_one, earlier };

  /// The paths that somebody else changed since, which are left as they are.
  [[nodiscard]] Result<std::vector<std::string>> undo(Journal& journal, const JournalEntry& entry,
                                                      Run run);

  /// Removes what a crash, or the transaction itself, left behind. What cannot be removed is a
  /// waste of space, and no failure of what was done.
  void tidy(Journal& journal);

  /// Gives files the SELinux labels that the policy has for their paths: one that was renamed into
  /// place has that of its directory.
  void relabel(const std::vector<std::string>& paths);

 private:
  /// Says what a recovery finishes when no transaction is open.
  [[nodiscard]] std::string what_ended(const Journal& journal) const;
  [[nodiscard]] Result<void> remove_if_there(const std::string& path);
  /// Removes the temporary files of a tool that was killed: a small /boot has no room for them.
  [[nodiscard]] Result<void> remove_unfinished(const std::string& image);
  [[nodiscard]] Result<void> undo_boot_run(const BootRun& run);
  /// Parts of undo(): each goes on after a failure, and adds what it leaves as it is to `left`.
  [[nodiscard]] Result<void> undo_files(const JournalEntry& entry, std::vector<std::string>& left);
  [[nodiscard]] Result<void> undo_images(const JournalEntry& entry, Run run, bool is_untouched,
                                         std::vector<std::string>& left);
  /// Has the old images copied to where the boot loader reads them.
  [[nodiscard]] Result<void> copy_again(const JournalEntry& entry);
  /// True where somebody else has built the image after our builder ended.
  [[nodiscard]] bool is_rebuilt_since(const KeptImage& kept) const;
  /// An Error where it stands on a file system that is not mounted now.
  [[nodiscard]] Result<void> check_mounted(const KeptImage& kept) const;
  /// What stands at an image's path while its kept bytes wait.
  enum class ImageNow { untouched, ours, somebody_elses };
  [[nodiscard]] Result<void> put_back_image(const KeptImage& kept, ImageNow now);

  FileStore& files_;
  CommandRunner& runner_;
  const Progress& progress_;
};

}  // namespace vfio_switch
