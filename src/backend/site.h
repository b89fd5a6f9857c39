// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "apply/operation.h"
#include "backend/event.h"
#include "core/base/error.h"
#include "system/files/file_store.h"
#include "system/process/command_runner.h"

namespace vfio_switch {

/// A plan that leaves everything as it is.
[[nodiscard]] Plan no_change(const Machine& machine);

/// What becomes of the images that a plan wants to have built.
enum class Images {
  build,
  leave,  ///< the package manager has them built after the event
};

/// One event at work: what every kind of it needs.
class Site {
 public:
  explicit Site(const Event& event) : event_(event) {}

  [[nodiscard]] Result<void> open();

  [[nodiscard]] FileStore& files() const { return *files_; }
  [[nodiscard]] CommandRunner& runner() const { return *runner_; }

  /// Changes the machine by the plan that `make` gives; says why where it is refused.
  [[nodiscard]] Result<void> change(const MakePlan& make, Images images);

  /// Ends what an earlier run left unfinished, whatever the event is.
  [[nodiscard]] Result<void> recover();

  /// An event of the same transaction has said why a plan is refused.
  void set_refusals_told() { refusals_told_ = true; }

  [[nodiscard]] bool changed() const { return changed_; }
  /// Images are built only where the tool sees this machine.
  [[nodiscard]] bool can_rebuild() const { return event_.root == "/"; }
  /// For events that no package manager follows with an image build.
  [[nodiscard]] Images images() const { return can_rebuild() ? Images::build : Images::leave; }

 private:
  [[nodiscard]] Operation operation(const MakePlan& make, Images images) const;
  [[nodiscard]] Result<void> carry_out(const Operation& operation);

  const Event& event_;
  std::unique_ptr<FileStore> files_;
  std::unique_ptr<CommandRunner> runner_;
  bool changed_ = false;
  bool refusals_told_ = false;
};

}  // namespace vfio_switch
