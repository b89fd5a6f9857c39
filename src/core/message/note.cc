// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/message/note.h"

#include <cstddef>

namespace vfio_switch {

const std::vector<NoteKind>& note_kinds() {
  using enum NoteCause;
  static const std::vector<NoteKind> kinds = {
      {card_moved, "card-moved", {"the card {1} moved from {2} to {3}"}},
      {device_moved,
       "device-moved",
       {"the device {1}, chosen with the card, moved from {2} to {3}"}},
      {file_adopted,
       "file-adopted",
       {"{1} existed before: vfio-switch replaces it, and 'vfio-switch rollback' restores it"}},
      {lines_kept,
       "lines-kept",
       {"one line of {1} is kept, and stays in effect when passthrough is disabled: {2}",
        "lines of {1} are kept, and stay in effect when passthrough is disabled: {2}", 2}},
      {file_left, "file-left", {"{1} stays as it is"}},
      {file_put_out,
       "file-put-out",
       {"{1} was edited, so its lines are commented out and none is deleted; run this command only "
        "to restore them"}},
      {file_unread, "file-unread", {"not taken into account: {1} could not be read ({2})"}},
      {not_proved,
       "order-not-proved",
       {"not proved that vfio-pci will bind the card: {1}"},
       "not-proved"},
      {bind_script_missing,
       "bind-script-missing",
       {"{1}, which the vfio-switch package installs, does not exist: without it the host keeps "
        "the card"}},
      {vfio_registers_first,
       "vfio-registers-first",
       {"in kernel {1} vfio-pci binds the card by its ids on the kernel command line: {2}"}},
      {others_lose_vfio,
       "others-lose-vfio",
       {"{1} is no longer given to vfio-pci", "{1} are no longer given to vfio-pci", 1}},
      {image_tool, "image-tool", {"{1}"}},
      {driver_blacklisted,
       "driver-blacklisted",
       {"{1} blacklists {2}: if vfio-pci could not bind the card, {2} would not bind it either"}},
      {no_driver_left,
       "no-driver-left",
       {"no driver will bind {1}: {3} keeps {2} from being loaded",
        "no driver will bind {1}: {3} keep {2} from being loaded", 3}},
      {variant_driver,
       "variant-driver",
       {.text = "libvirt 10.0 and later binds {1} to {2} instead of vfio-pci while a virtual "
                "machine uses it, unless its configuration names another driver",
        .conjunction = Conjunction::one_of}},
      {tpm_unlock,
       "tpm-unlock",
       {"according to {1} the TPM unlocks a disk: if the key depends on the kernel command line, "
        "the next boot will ask for the recovery key"}},
      {still_given,
       "still-given",
       {"{1} gives the card to {2}, was not set up by vfio-switch, and stays"}},
      {copy_stale, "copy-stale", {"the boot loader starts {1}, which is an outdated copy of {2}"}},
      {menu_unknown, "boot-menu-unknown", {"not proved for the next boot: {1}"}},
      {entry_unproved,
       "entry-not-proved",
       {"not proved for the boot menu entry '{1}': {2}"},
       "not-proved"},
      {entry_differs,
       "entry-differs",
       {"at the next boot (boot menu entry '{1}') {3} will be bound to {2}: {4}"}},
      {menu_changed,
       "boot-menu-changed",
       {"the boot menu that the last run as root recorded is not shown, because {1} was changed "
        "since"}},
      {isolation_pending,
       "isolation-pending",
       {"the IOMMU is off until the reboot: whether the card is isolated can be checked only after "
        "it"}},
      {acs_override,
       "acs-override",
       {"{1} splits IOMMU groups that the hardware does not isolate: a virtual machine with the "
        "card may reach devices of the host"}},
      {no_escape,
       "no-escape",
       {"Secure Boot locks the kernel command line into a signed unified image, so a boot without "
        "passthrough cannot be chosen at the boot menu"}},
      {rebuild_not_needed,
       "rebuild-not-needed",
       {"initramfs rebuild not needed: the image for {1} contains no driver for this card, no "
        "vfio-pci and no vfio-switch files",
        "initramfs rebuild not needed: the images for {1} contain no driver for this card, no "
        "vfio-pci and no vfio-switch files",
        1}},
      {rebuild_not_needed_without_card,
       "rebuild-not-needed-without-card",
       {"initramfs rebuild not needed: the image for {1} contains no vfio-pci and no vfio-switch "
        "files",
        "initramfs rebuild not needed: the images for {1} contain no vfio-pci and no vfio-switch "
        "files",
        1},
       "rebuild-not-needed"},
      {parameters_stay,
       "parameters-stay",
       {"the kernel command line keeps the parameters of vfio-switch until {1} is run"}},
      {parameters_not_removed,
       "parameters-not-removed",
       {"the kernel parameters of vfio-switch cannot be removed: {1}"}},
      {hibernation,
       "hibernation",
       {"hibernation is set up ({1}), and a system that resumes from it keeps the drivers that are "
        "bound now: reboot, and do not hibernate"}},
      {disks_return,
       "disks-return",
       {"a boot without passthrough ('vfio-pci.ids=' at the boot menu) also gives the host the "
        "disk "
        "{2} of {1}",
        "a boot without passthrough ('vfio-pci.ids=' at the boot menu) also gives the host the "
        "disks {2} of {1}",
        2}},
  };
  return kinds;
}

const NoteKind& kind_of(NoteCause cause) {
  return note_kinds().at(static_cast<std::size_t>(cause));
}

}  // namespace vfio_switch
