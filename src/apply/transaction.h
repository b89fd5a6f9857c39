// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apply/journal.h"
#include "apply/progress.h"
#include "apply/recovery.h"
#include "core/base/error.h"
#include "core/cards/intent.h"
#include "core/files/diff.h"
#include "core/images/image_verdict.h"
#include "core/machine/profile.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// Whether an image that was just built does what it should, and boots; called before the next
/// change.
using ImageCheck = std::function<Result<BuiltImage>(const RebuildInitramfs& built)>;

/// What a transaction is to do.
struct Task {
  std::string verb;
  Diff diff;             ///< the boot loader's tool is run where it says so
  State state;           ///< what is remembered with it
  bool rebuild = true;   ///< false: images are only called stale
  bool forgets = false;  ///< it is a rollback, after which nothing remains to be undone
};

/// Carries out a Diff so that it is done whole or not at all.
class Transaction {
 public:
  Transaction(FileStore& files, CommandRunner& runner, const Profile& profile, Progress progress)
      : files_(files),
        runner_(runner),
        profile_(profile),
        progress_(std::move(progress)),
        recovery_(files, runner, progress_) {}

  /// A build that succeeds but whose image `check` rejects counts as failed.
  void check_images(ImageCheck check) { check_ = std::move(check); }
  /// Called last, where anything was built or a boot loader's tool was run: what it rejects is
  /// undone.
  void check_menu(std::function<Result<void>()> check) { check_menu_ = std::move(check); }

  /// On a failure everything is put back first; the Error says so, or what could not be.
  [[nodiscard]] Result<void> run(Journal& journal, Task task);

 private:
  [[nodiscard]] Result<void> prepare(Task& task) const;
  /// Adds the file that hooks of initramfs tools read, before the images that they fill are built.
  [[nodiscard]] Result<void> tell_hooks(Diff& diff, const State& state) const;
  [[nodiscard]] Result<void> remove_if_there(const std::string& path);
  [[nodiscard]] Result<void> carry_out(Journal& journal, int id, const Diff& diff);
  [[nodiscard]] Result<void> change_file(const FileChange& change);
  using Tick = std::function<void(std::chrono::seconds elapsed)>;
  /// What the tool writes is told apart from what others write meanwhile: see Journal.
  [[nodiscard]] Result<CommandResult> run_tool(const Invocation& command, const Tick& tick = {});
  /// Runs the boot loader's tool, the `number`th of the transaction, and looks at what it wrote.
  [[nodiscard]] Result<void> set_parameters(Journal& journal, int id, const BootParameters& boot,
                                            std::size_t number);
  /// An Error where what the boot loader's tool wrote lacks a parameter; `before` is what the files
  /// were.
  [[nodiscard]] Result<void> check_outputs(
      const BootParameters& boot, const std::vector<std::optional<std::string>>& before) const;
  [[nodiscard]] Result<void> rebuild(const RebuildInitramfs& rebuild, std::size_t number,
                                     std::size_t count);
  /// Puts what a tool built where it belongs, and has it checked.
  [[nodiscard]] Result<void> take_image(const ImageBuild& build, const RebuildInitramfs& rebuild);
  /// Has it copied to where the boot loader reads it, where no hook has done so.
  [[nodiscard]] Result<void> check_copy(const RebuildInitramfs& rebuild);

  FileStore& files_;
  CommandRunner& runner_;
  const Profile& profile_;
  Progress progress_;
  Recovery recovery_;
  ImageCheck check_;
  std::function<Result<void>()> check_menu_;
  std::vector<KeptImage> kept_;  ///< of the transaction that runs
};

}  // namespace vfio_switch
