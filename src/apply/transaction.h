// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/journal.h"
#include "core/base/error.h"
#include "core/cards/intent.h"
#include "core/files/diff.h"
#include "core/machine/profile.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// Who is told how a transaction goes; every member may be empty.
struct Progress {
  std::function<void(const Change& change)> on_change;
  /// Before a rebuild, and once a second while it runs: which kernel, `number` of `count`.
  std::function<void(const RebuildInitramfs& rebuild, std::size_t number, std::size_t count,
                     std::chrono::seconds elapsed)>
      on_rebuild;
  std::function<void()> on_rebuilt;  ///< the rebuild ended, well or not
  std::function<void(std::string_view line)> on_tool_output;
  std::function<void(std::string_view what)> on_recovery;  ///< what became of an interrupted change
};

/// True if the next writing command has something to recover() from.
[[nodiscard]] bool needs_recovery(const FileReader& files, const Journal& journal);

/// Whether an image that was just built does what it should; called before the next change.
using ImageCheck = std::function<Result<void>(const RebuildInitramfs& built)>;

/// Carries out a Diff so that it is done whole or not at all.
class Transaction {
 public:
  Transaction(FileStore& files, CommandRunner& runner, const Profile& profile, Progress progress)
      : files_(files), runner_(runner), profile_(profile), progress_(std::move(progress)) {}

  /// A build that succeeds, and gives an image that `check` is not content with, has failed.
  void check_images(ImageCheck check) { check_ = std::move(check); }

  /// Does what `diff` says, remembers `state` with it, and rebuilds images only if `rebuild`. The
  /// boot loader's tool is run where `diff` says so.
  /// `forgets`: it is a rollback, after which nothing remains to be undone.
  /// On a failure everything is put back first; the Error says so, or what could not be.
  [[nodiscard]] Result<void> run(Journal& journal, const std::string& verb, Diff diff,
                                 const State& state, bool rebuild, bool forgets = false);

  /// Takes back the transaction that was interrupted, or finishes one that had only its traces left
  /// to remove; says what it did, if anything.
  [[nodiscard]] Result<std::optional<std::string>> recover(Journal& journal);

 private:
  [[nodiscard]] Result<void> prepare(Diff& diff, const State& state, bool rebuild) const;
  /// Of a journal that has nothing open, and yet needs_recovery().
  [[nodiscard]] std::string what_ended(const Journal& journal) const;
  [[nodiscard]] Result<void> remove_if_there(const std::string& path);
  /// What a tool that was cut off could not clear away itself; a small /boot has no room for it.
  [[nodiscard]] Result<void> remove_unfinished(const std::string& image);
  [[nodiscard]] Result<void> keep_images(const Diff& diff);
  [[nodiscard]] Result<void> carry_out(Journal& journal, int id, const Diff& diff);
  [[nodiscard]] Result<void> change_file(const FileChange& change);
  /// Runs the boot loader's tool, the `number`th of the transaction, and looks at what it wrote.
  [[nodiscard]] Result<void> set_parameters(Journal& journal, int id, const BootParameters& boot,
                                            std::size_t number);
  [[nodiscard]] Result<void> undo_boot_run(const BootRun& run);
  [[nodiscard]] Result<void> rebuild(const RebuildInitramfs& rebuild, std::size_t number,
                                     std::size_t count);
  /// Puts what a tool built where it belongs, and has it checked.
  [[nodiscard]] Result<void> take_image(const ImageBuild& build, const RebuildInitramfs& rebuild);
  /// Gives files the SELinux labels that the policy has for their paths: one that was renamed into
  /// place has that of its directory.
  void relabel(const std::vector<std::string>& paths);
  [[nodiscard]] Result<void> put_back_image(const std::string& image);
  /// The paths that somebody else changed since, which are left as they are.
  [[nodiscard]] Result<std::vector<std::string>> undo(Journal& journal, const JournalEntry& entry);
  /// Removes what a crash, or the transaction itself, left behind. What cannot be removed is a
  /// waste of space, and no failure of what was done.
  void tidy(Journal& journal);

  FileStore& files_;
  CommandRunner& runner_;
  const Profile& profile_;
  Progress progress_;
  ImageCheck check_;
};

}  // namespace vfio_switch
