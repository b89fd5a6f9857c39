// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/message/remedy.h"

#include <cstddef>
#include <utility>

namespace vfio_switch {

const std::vector<ByHandKind>& by_hand_kinds() {
  using enum ByHand;
  static const std::vector<ByHandKind> kinds = {
      {reboot, "reboot", {"Reboot."}},
      {turn_on_vt_d, "turn-on-vt-d", {"Turn on VT-d in the firmware setup."}},
      {turn_on_amd_iommu, "turn-on-amd-iommu", {"Turn on IOMMU (AMD-Vi) in the firmware setup."}},
      {turn_on_iommu,
       "turn-on-iommu",
       {"On a PC, turn on VT-d (Intel) or IOMMU (AMD) in the firmware setup."}},
      {update_firmware, "update-firmware", {"Update the firmware of the mainboard."}},
      {choose_primary_gpu,
       "choose-primary-gpu",
       {"Choose another GPU as the primary one in the firmware setup."}},
      {other_slot, "other-slot", {"Put the card into another slot."}},
      {move_monitor, "move-monitor", {"Connect a monitor to a GPU that stays with the host."}},
      {move_keyboard_or_disk,
       "move-keyboard-or-disk",
       {"Connect it to a controller that stays with the host."}},
      {add_gpu,
       "add-gpu",
       {"Add a second graphics card, or turn on the processor's graphics in the firmware setup."}},
      {insert_card, "insert-card", {"Put the card back into the machine, or choose another one."}},
      {other_tools_window,
       "other-tools-window",
       {"Change the setting in the other program's own window."}},
      {build_and_sign_image,
       "build-and-sign-image",
       {"Change {1} in what the unified kernel image is built from, then build and sign it, and "
        "reboot."}},
      {run_on_the_machine, "run-on-the-machine", {"Run the command on the machine itself."}},
      {keep_other_access,
       "keep-other-access",
       {"Have SSH or another boot menu entry ready before you go on."}},
      {add_to_boot_loader,
       "add-to-boot-loader",
       {"Add {1} to the kernel command line in the boot loader's settings, then reboot."}},
      {remove_from_boot_loader,
       "remove-from-boot-loader",
       {"Remove {1} from the kernel command line in the boot loader's settings, then reboot."}},
      {mount_it, "mount-it", {"Mount it, then run the command again."}},
      {read_journal, "read-journal", {"Look into the journal of this boot for the cause."}},
      {report_bug, "report-bug", {"Attach the output of 'vfio-switch report' to a bug report."}},
      {choose_one, "choose-one", {"Run one of these commands:"}},
      {replace_or_keep,
       "replace-or-keep",
       {"Replace the file ('vfio-switch rollback' restores it) or leave it as it is:"}},
      {restore_or_keep,
       "restore-or-keep",
       {"Restore the file as it was before, or leave it as it is:"}},
      {move_away, "move-away", {"Move {1} away, then run the command again."}},
      {use_other_kernel, "use-other-kernel", {"Use a kernel that has vfio-pci as a module."}},
      {write_command_line,
       "write-command-line",
       {"Write the whole kernel command line, with root= and {1}, to /etc/kernel/cmdline, and "
        "rebuild the image."}},
      {join_parameters,
       "join-parameters",
       {"Make {1} and {2} one parameter with 'grubby --update-kernel=ALL --args'."}},
      {comment_out, "comment-out", {"Put a '#' in front of this line: {1}"}},
      {have_recovery_key, "have-recovery-key", {"Have the recovery key of the disk at hand."}},
  };
  return kinds;
}

const ByHandKind& kind_of(ByHand what) {
  return by_hand_kinds().at(static_cast<std::size_t>(what));
}

Run own_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "vfio-switch");
  return {Command{std::move(arguments)}, true};
}

}  // namespace vfio_switch
