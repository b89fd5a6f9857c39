// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/binding/driver_config.h"
#include "core/cards/intent.h"
#include "core/cards/refusal.h"
#include "core/files/diff.h"
#include "core/machine/facts.h"
#include "core/message/note.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// What to do with a file of ours that somebody has edited since.
enum class EditedFiles {
  refuse,  ///< but for a plan to disable, which puts it out of effect and loses no byte
  overwrite,
  keep,
};

/// How a plan is to be made; from options and settings.
struct PlanOptions {
  EditedFiles edited = EditedFiles::refuse;
  /// A person typed the command: a file of ours that somebody else wrote may become ours. Otherwise
  /// it stays, and the proof says what comes of it.
  bool may_adopt = true;
  bool force_rebuild = false;  ///< --rebuild
  /// The distribution's tool may be run here: on the running system, or with --rebuild below a
  /// --sysroot. Otherwise an image that is stale alone is reported, and is no change.
  bool can_rebuild = true;
  /// A kernel whose image the caller builds next by itself; empty: none.
  std::string built_elsewhere;
};

/// What one subject adds to a plan. Who makes a part sees what it depends on, and changes none of
/// that; the order of the parts is decided where the plan is put together.
struct PlanPart {
  Diff diff = {};
  std::vector<Refusal> refusals = {};  ///< not empty: nothing of `diff` may be done
  std::vector<Note> notes = {};        ///< what a person should know

  /// Puts `more` behind what is here.
  void add(PlanPart more);
};

/// What the machine should become so that an intent holds, or why it should not.
struct Plan : PlanPart {
  State state;                        ///< what will be remembered
  std::vector<PciAddress> functions;  ///< of the chosen cards, the GPUs included; sorted
  DriverConfig config;                ///< the configuration as it will be, for the proof
  std::vector<Claim> claims = {};     ///< who could take `functions`; set with the proof
  std::vector<LoadOrder> load_order;  ///< for each kernel and function
  bool command_line_locked = false;   ///< no escape at the boot menu
  std::optional<Note> no_build;       ///< why no image has to follow the files; nothing: they do

  /// "change", "nothing" or "refused".
  [[nodiscard]] std::string_view outcome() const;
};

/// The refusal of a plan that changes something while a boot file system should be mounted and is
/// not. Nothing where `planned` has it already.
[[nodiscard]] PlanPart refuse_unmounted(const PlanPart& planned, const SystemFacts& facts);

/// The note that what a plan changes needs a reboot, where the machine may hibernate instead: a
/// function of the card has another driver now than the plan is for, and resumes with it.
[[nodiscard]] PlanPart warn_of_hibernation(const Plan& plan, const SystemFacts& facts);

}  // namespace vfio_switch
