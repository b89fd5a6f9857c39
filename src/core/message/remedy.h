// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/message/data.h"

namespace vfio_switch {

/// What only a person can do. The list is closed: whatever a program could do instead is `Run` or
/// `Edit`.
enum class ByHand {
  reboot,                    ///< restart the machine
  log_in_again,              ///< for settings that a session reads at its start
  turn_on_vt_d,              ///< firmware setup: VT-d
  turn_on_amd_iommu,         ///< firmware setup: IOMMU (AMD-Vi)
  turn_on_iommu,             ///< firmware setup, where the processor's vendor is not known
  turn_on_acs,               ///< firmware setup: ACS or ARI, which split IOMMU groups
  update_firmware,           ///< a newer version of the board's firmware may help
  choose_primary_gpu,        ///< firmware setup: which GPU shows the boot messages
  other_slot,                ///< put the card into another slot; of `ports`, where some are free
  move_monitor,              ///< connect a monitor to a GPU that stays with the host
  move_keyboard_or_disk,     ///< connect what the host needs to another controller
  unmount_disk,              ///< a disk that the guest is to have
  move_default_route,        ///< the host reaches the network by another interface
  add_gpu,                   ///< the host needs a display of its own
  load_host_driver,          ///< the GPU that stays has no driver
  insert_card,               ///< put the card that was chosen back
  other_tools_window,        ///< a setting inside another program's own window
  set_vm_device,             ///< the address of a device in a virtual machine's definition
  rebuild_initramfs,         ///< where the tool that does it is not known
  build_and_sign_image,      ///< rebuild and sign a unified image with one's own tools
  install_kernel,            ///< one that has vfio-pci
  install_vendor_reset,      ///< a kernel module that no distribution has
  sign_module,               ///< Secure Boot loads no other
  run_on_the_machine,        ///< not in this chroot or container: on the machine itself
  accept_no_screen,          ///< the host may be left without one
  keep_other_access,         ///< have SSH or a second boot entry ready before going on
  add_to_boot_loader,        ///< a kernel parameter, where no generator is known
  remove_from_boot_loader,   ///< a kernel parameter, where no generator is known
  add_to_image_source,       ///< parameters, to the command line of a unified kernel image
  remove_from_image_source,  ///< parameters, from the command line of a unified kernel image
  write_command_line,        ///< parameters, where: the file for the whole of it
  comment_out,               ///< place: a line of somebody's configuration
  move_away,                 ///< file
  have_recovery_key,         ///< of an encrypted disk, at hand for the next boot
  mind_devices,              ///< devices, which the step before takes from vfio-pci
  report_bug,                ///< attach 'vfio-switch report' to a bug report
};

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

/// Between two ways: what follows it helps instead of what is before it.
struct OtherWay {
  bool operator==(const OtherWay&) const = default;
};

using RemedyStep = std::variant<Run, Edit, Manual, OtherWay>;

/// What helps, step by step; empty where nothing is known to.
using Remedy = std::vector<RemedyStep>;

/// Why something cannot be done, and what a person can do about it.
struct Obstacle {
  Reason reason;
  Remedy remedy = {};
  bool operator==(const Obstacle&) const = default;
};

/// The code's stable text, for programs: "turn-on-vt-d".
[[nodiscard]] std::string_view to_string(ByHand what);

/// All of them, in order.
[[nodiscard]] const std::vector<ByHand>& by_hand_codes();

/// Adds the steps of another way to a remedy.
void add_way(Remedy& remedy, Remedy other);

/// The step that runs `vfio-switch` with `arguments`.
[[nodiscard]] Run own_command(std::vector<std::string> arguments);

}  // namespace vfio_switch
