// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "apply/journal.h"
#include "apply/transaction.h"
#include "core/base/error.h"
#include "core/plan/plan.h"
#include "system/machine/machine.h"

namespace vfio_switch {

/// Makes a plan for a machine; called a second time once nobody else can change it.
using MakePlan =
    std::function<Result<Plan>(const FileReader& files, const Machine& machine, const Journal&)>;

/// What a writing command came to.
struct OperationResult {
  Plan plan;
  bool changed = false;  ///< something was done
};

/// A writing command from beginning to end: lock, recover, read the machine, plan, carry out.
/// A plan that is refused, or has nothing to do, changes nothing and is no Error.
struct Operation {
  std::string verb;
  MakePlan make_plan;
  bool rebuild = true;               ///< run the initramfs tool
  bool boot_loader = true;           ///< run the boot loader's
  bool forget = false;               ///< the journal is cleared afterwards: a rollback
  std::chrono::seconds patience{0};  ///< how long to wait for another process
  Progress progress;

  [[nodiscard]] Result<OperationResult> run(FileStore& files, CommandRunner& runner) const;
};

/// True if an earlier change was interrupted, so that the next Operation has something to do,
/// whatever its plan says. False where the journal, which is root's, cannot be read.
[[nodiscard]] bool is_change_pending(const FileReader& files);

/// What a command that only looks says about an interrupted change; nothing where there is none, or
/// where the journal cannot be read.
[[nodiscard]] std::optional<Refusal> interrupted_change(const FileReader& files);

/// A plan, with the machine that it was made for.
struct Preview {
  Machine machine;
  Plan plan;
};

/// Plans without changing anything: for the commands that only look, and as the first step of
/// those that do not. The journal is root's; a plan that does not need it gets an empty one where
/// it cannot be read.
[[nodiscard]] Result<Preview> preview(const FileReader& files, const MakePlan& make,
                                      bool needs_journal);

/// True if carrying out `plan` would change anything, the remembered state included.
[[nodiscard]] bool is_worth_doing(const FileReader& files, const Plan& plan);

}  // namespace vfio_switch
