// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "apply/journal.h"
#include "apply/transaction.h"
#include "core/base/error.h"
#include "core/plan/entry_proof.h"
#include "core/plan/plan.h"
#include "system/machine/machine.h"

namespace vfio_switch {

/// Makes a plan for a machine; called a second time once nobody else can change it.
using MakePlan =
    std::function<Result<Plan>(const FileReader& files, const Machine& machine, const Journal&)>;

/// The result of a command that changes the machine.
struct OperationResult {
  Plan plan;
  bool changed = false;  ///< something was done
  /// What boots afterwards, where something was done and it can be looked at.
  std::optional<MenuProof> menu = std::nullopt;
};

/// A plan, with the machine that it was made for.
struct Preview {
  Machine machine;
  Plan plan;
};

/// What a command that changes the machine would do, found out before anything is locked or
/// written.
struct Attempt {
  Result<Preview> preview;  ///< what is pending is undone first, so another plan may be carried out
  bool is_pending = false;  ///< an earlier change was interrupted
  bool is_needed = false;   ///< the plan changes something, or a change is pending
};

/// A writing command from beginning to end: lock, recover, read the machine, plan, carry out.
/// A plan that is refused, or has nothing to do, changes nothing and is no Error.
struct Operation {
  std::string verb;
  MakePlan make_plan;
  bool rebuild = true;               ///< run the initramfs tool
  bool boot_loader = true;           ///< run the boot loader's
  bool mounts_esps = false;          ///< what boots is looked at there too: see EspView
  bool forget = false;               ///< the journal is cleared afterwards: a rollback
  std::chrono::seconds patience{0};  ///< how long to wait for another process
  Progress progress;

  /// The first step, which needs no right to write: where it is not needed, run() has nothing to
  /// do.
  [[nodiscard]] Attempt attempt(const FileReader& files) const;
  /// Plans again, once nobody else can change the machine.
  [[nodiscard]] Result<OperationResult> run(FileStore& files, CommandRunner& runner) const;

 private:
  [[nodiscard]] Result<Preview> plan_for(const FileReader& files, const Journal& journal) const;
};

/// What a command that only looks says about an interrupted change; nothing where there is none, or
/// where the journal cannot be read.
[[nodiscard]] std::optional<Refusal> interrupted_change(const FileReader& files);

/// Whether a plan can be made without the journal, which only root can read: then it gets an empty
/// one where it cannot be read.
enum class JournalUse { needed, optional };

/// Plans without changing anything, for the commands that only look.
[[nodiscard]] Result<Preview> preview(const FileReader& files, const MakePlan& make,
                                      JournalUse use);

}  // namespace vfio_switch
