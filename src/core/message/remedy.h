// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/message/data.h"
#include "core/message/format.h"

namespace vfio_switch {

/// What only a person can do. The list is closed: whatever a program could do instead is `Run` or
/// `Edit`. Behind each is the data that its sentence needs.
enum class ByHand {
  reboot,                   ///< restart the machine
  turn_on_vt_d,             ///< firmware set-up: VT-d
  turn_on_amd_iommu,        ///< firmware set-up: IOMMU (AMD-Vi)
  turn_on_iommu,            ///< firmware set-up, where the processor's vendor is not known
  update_firmware,          ///< a newer version of the board's firmware may help
  choose_primary_gpu,       ///< firmware set-up: which GPU shows the boot messages
  other_slot,               ///< put the card into another slot
  move_monitor,             ///< connect a monitor to a GPU that stays with the host
  move_keyboard_or_disk,    ///< connect what the host needs to another controller
  add_gpu,                  ///< the host needs a display of its own
  insert_card,              ///< put the card that was chosen back
  other_tools_window,       ///< a setting inside another program's own window
  build_and_sign_image,     ///< parameters: a unified image, with one's own tools
  run_on_the_machine,       ///< not in this chroot or container: on the machine itself
  keep_other_access,        ///< have SSH or a second boot entry ready before going on
  add_to_boot_loader,       ///< parameters, where no generator is known
  remove_from_boot_loader,  ///< parameters, where no generator is known
  mount_it,                 ///< mount a file system that should be mounted
  read_journal,             ///< look into the system's log for what came in between
  report_bug,               ///< attach 'vfio-switch report' to a bug report
  choose_one,               ///< the steps that follow are a choice: one of them is enough
  replace_or_keep,          ///< as `choose_one`: what was edited is replaced, or stays
  restore_or_keep,          ///< as `choose_one`: of a rollback
  move_away,                ///< file
  use_other_kernel,         ///< one that has vfio-pci as a module
  write_command_line,       ///< parameters: with the whole of it into /etc/kernel/cmdline
  join_parameters,          ///< former, parameter: two values of one key, with grubby
  comment_out,              ///< place: a line of somebody's configuration
  have_recovery_key,        ///< of an encrypted disk, at hand for the next boot
};

/// A row of the table of what people do.
struct ByHandKind {
  ByHand what = ByHand::reboot;
  std::string_view name;  ///< its stable text: "turn-on-vt-d"
  Template text;          ///< an imperative sentence
};

/// Every kind, in the order of ByHand.
[[nodiscard]] const std::vector<ByHandKind>& by_hand_kinds();

[[nodiscard]] const ByHandKind& kind_of(ByHand what);

/// A program to be run, as root where `as_root`.
struct Run {
  Command command;
  bool as_root = true;
  bool operator==(const Run&) const = default;
};

/// A line to be changed in an editor: `from`, the line or a part of it, becomes `to`. An empty
/// `from` adds a line, an empty `to` removes; both are empty where the line itself is not known.
struct Edit {
  Place place;
  std::string from;
  std::string to;
  bool operator==(const Edit&) const = default;
};

/// What a person does, and what it is about.
struct Manual {
  ByHand what = ByHand::reboot;
  Data data = {};
  bool operator==(const Manual&) const = default;
};

using RemedyStep = std::variant<Run, Edit, Manual>;

/// What helps, step by step; empty where nothing is known to.
using Remedy = std::vector<RemedyStep>;

/// Why something cannot be done, and what a person can do about it.
struct Obstacle {
  Reason reason;
  Remedy remedy = {};
  bool operator==(const Obstacle&) const = default;
};

/// The step that runs `vfio-switch` with `arguments`.
[[nodiscard]] Run own_command(std::vector<std::string> arguments);

}  // namespace vfio_switch
