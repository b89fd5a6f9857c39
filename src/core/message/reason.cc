// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/message/reason.h"

#include <algorithm>
#include <cstddef>

namespace vfio_switch {

const std::vector<ReasonKind>& reason_kinds() {
  using enum ReasonCause;
  static const std::vector<ReasonKind> kinds = {
      {not_known, "not-known", {"the reason is not known"}},

      {no_module, "no-module", {"no module would bind it"}},
      {loaded_before_vfio, "loaded-before-vfio", {"{1} is loaded before vfio-pci"}},
      {vfio_without_ids,
       "vfio-without-ids",
       {"vfio-pci is built into this kernel, whose command line lacks the card's ids"}},
      {driver_built_in, "driver-built-in", {"{1} is built into this kernel"}},
      {loaded_by_list, "loaded-by-list", {"{1} loads {2} in the initramfs"}},
      {loaded_by_name, "loaded-by-name", {"'modprobe {1}' would load {2} before vfio-pci"}},
      {command_unclear, "command-unclear", {"the install command '{1}' is not understood"}},
      {commands_in_circle,
       "commands-in-circle",
       {"install commands in modprobe.d call each other without end"}},
      {file_unread, "file-unread", {"{1} could not be read: {2}"}},
      {image_file_unread, "image-file-unread", {"{1} in {2} could not be read: {3}"}},
      {early_in_image, "early-in-image", {"{1} is loaded in the initramfs before vfio-pci"}},
      {image_lacks_binding,
       "image-lacks-binding",
       {"the initramfs loads vfio-pci but lacks the configuration that binds the card"}},

      {menu_not_known,
       "menu-not-known",
       {"the boot menu entry that will start next is not known: {1}"}},
      {entry_not_known, "entry-not-known", {"what this boot menu entry starts is not known: {1}"}},
      {entry_modules_missing,
       "entry-modules-missing",
       {"the modules of kernel {1}, which this boot menu entry starts, are not installed"}},
      {entry_leaves_iommu_off,
       "entry-leaves-iommu-off",
       {"this boot menu entry leaves the IOMMU off, and vfio-pci binds nothing without it"}},
      {entry_lacks_parameter,
       "entry-lacks-parameter",
       {"this boot menu entry does not pass {1}, and whether the IOMMU is on without it is not "
        "known"}},
      {entry_word_unclear,
       "entry-word-unclear",
       {"{1} on the kernel command line of this boot menu entry may decide which driver binds the "
        "card"}},

      {image_lacks_file, "image-lacks-file", {"the initramfs is stale: it lacks {1}"}},
      {image_file_older, "image-file-older", {"the initramfs is stale: its copy of {1} differs"}},
      {image_still_vfio, "image-still-vfio", {"the initramfs still binds {1} to vfio-pci"}},
      {image_other_driver, "image-other-driver", {"vfio-pci does not bind {1}: {2}"}},
      {image_missing, "image-missing", {"this kernel has no initramfs"}},
      {image_unreadable, "image-unreadable", {"{1}"}},
      {image_needs_root, "image-needs-root", {"{1}; only root can read it"}},
      {image_holds, "image-holds", {"it contains {1}"}},
      {image_list_names, "image-list-names", {"{1} in the image lists the module {2}"}},
      {kernel_lacks_vfio,
       "kernel-lacks-vfio",
       {"this kernel has no vfio-pci module, so the host's drivers bind the card"}},
      {plan_refused, "plan-refused", {"the change is refused ({1})"}},
      {file_differs, "file-differs", {"{1} is not as vfio-switch would write it"}},
      {parameter_not_passed, "parameter-not-passed", {"{1} does not pass {2} to the kernel"}},
      {built_into_kernel, "built-into-kernel", {"{1} is built into kernel {2}"}},
      {bound_by_address, "bound-by-address", {"the card is bound by address"}},
      {command_for_module, "command-for-module", {"{1} has an install command for {2}"}},
      {list_names, "list-names", {"{1} lists the module {2}"}},

      {vfio_loads_first,
       "vfio-loads-first",
       {"vfio-pci loads before the drivers that could bind the card"}},
      {vfio_loads_always,
       "vfio-loads-always",
       {"vfio-pci loads even if no driver asks for the card"}},
      {functions_by_address,
       "functions-by-address",
       {"the functions that vfio-pci binds by address"}},
      {ids_suffice, "ids-suffice", {"the card's ids occur on no other device"}},
      {softdeps_overridden,
       "softdeps-overridden",
       {"softdep lines in other files would override those in vfio.conf"}},
      {softdeps_free, "softdeps-free", {"no other softdep line overrides vfio.conf any more"}},
      {left_over, "left-over", {"left over from nvidia-passthrough"}},
      {copied_unordered,
       "copied-unordered",
       {"its copy in the initramfs would load vfio-pci in no fixed order"}},
      {mkinitcpio_takes_vfio,
       "mkinitcpio-takes-vfio",
       {"mkinitcpio puts vfio-pci into the initramfs"}},
      {mkinitcpio_does_not_need_it, "mkinitcpio-does-not-need-it", {"mkinitcpio does not need it"}},
      {commented_out, "commented-out", {"commented out, so that the host's drivers bind the card"}},
      {parameters_added, "parameters-added", {"adds {1}"}},
      {parameters_dropped,
       "parameters-dropped",
       {"{1} is not needed any more", "{1} are not needed any more", 1}},
      {parameters_stripped,
       "parameters-stripped",
       {"removes the kernel parameters of vfio-switch"}},
      {grub_passes, "grub-passes", {"GRUB then passes {1} to the kernel"}},
      {grub_passes_rest, "grub-passes-rest", {"GRUB then passes only the other parameters"}},
      {grubby_changes_entries, "grubby-changes-entries", {"grubby changes every boot menu entry"}},
      {ostree_deploys, "ostree-deploys", {"rpm-ostree creates a deployment with it"}},
      {configuration_changes, "configuration-changes", {"its copy of the configuration changes"}},
      {rebuild_asked, "rebuild-asked", {"--rebuild was given"}},
      {holds_command_line, "holds-command-line", {"it contains the kernel command line"}},
      {restored, "restored", {"as it was before"}},
      {put_out_of_effect,
       "put-out-of-effect",
       {"every line commented out, because the file was edited"}},
      {put_back, "put-back", {"restores the lines that were edited"}},
      {former_kept, "former-kept", {"a copy of the file that was there before"}},
      {not_wanted, "not-wanted", {"passthrough is not configured any more"}},
      {damaged_kept, "damaged-kept", {"a copy of the damaged file"}},
      {ids_stripped,
       "ids-stripped",
       {"removes the kernel parameter that gives the card to vfio-pci"}},
      {written_by_us, "written-by-us", {"written by vfio-switch"}},
      {remembered, "remembered", {"remembers the choice"}},
      {directory_missing, "directory-missing", {"the directory does not exist"}},

      {iommu_off, "iommu-off", {"the IOMMU is off"}},
      {vfio_built_in,
       "vfio-built-in",
       {"vfio-pci is built into kernel {1}, where modprobe.d has no effect on it"}},
      {added_before, "added-before", {"vfio-switch added it before"}},
      {settings_ask, "settings-ask", {"{1} says '{2}'"}},

      {not_regular, "not-regular", {"{1} is not a regular file"}},
      {no_line_for, "no-line-for", {"{1} has no line that {2} could be added to"}},
      {unified_without_source,
       "unified-without-source",
       {"the command line is part of a unified kernel image, and neither /etc/kernel/cmdline nor "
        "a file in /etc/cmdline.d exists"}},
      {grubby_would_replace,
       "grubby-would-replace",
       {"the boot menu entries have {1}, which grubby would replace with {2}"}},
      {grub_not_installed,
       "grub-not-installed",
       {"GRUB starts this system, but the program that writes {1} is not installed"}},
      {settings_missing, "settings-missing", {"{1} does not exist"}},
      {unified_not_rebuilt,
       "unified-not-rebuilt",
       {"the unified kernel image must then be rebuilt, and vfio-switch does not know how on this "
        "system"}},
      {loader_by_hand,
       "loader-by-hand",
       {"{1} passes the kernel command line ({2}), and vfio-switch does not change its files"}},
      {loader_unknown, "loader-unknown", {"no known boot loader was found"}},
      {loader_unreadable, "loader-unreadable", {"{1}"}},
      {several_loaders,
       "several-loaders",
       {"{1} are set up, and which of them starts this system is not known"}},

      {leaves_card_to_host, "leaves-card-to-host", {"leaves the card with the host in this boot"}},
      {gives_ids, "gives-ids", {"gives these ids to vfio-pci, whatever is configured"}},
      {forbids_vfio, "forbids-vfio", {"forbids vfio-pci"}},
      {blacklists_drivers,
       "blacklists-drivers",
       {"keeps these drivers from being loaded for a device"}},
      {keeps_framebuffer,
       "keeps-framebuffer",
       {"leaves every display with the firmware's framebuffer"}},
      {turns_iommu_off, "turns-iommu-off", {"turns the IOMMU off"}},
      {turns_iommu_on, "turns-iommu-on", {"turns the IOMMU on"}},

      {hook_missing,
       "hook-missing",
       {"{1}, which the vfio-switch package installs, does not exist: without it mkinitcpio does "
        "not add vfio-pci to the initramfs"}},
      {hooks_set_later, "hooks-set-later", {"{1} sets HOOKS after {2} and overrides it"}},
      {no_modconf,
       "no-modconf",
       {"{1} has no modconf in HOOKS, so the initramfs gets only vfio-switch's own files of "
        "/etc/modprobe.d"}},
      {preset_without_drop_ins,
       "preset-without-drop-ins",
       {"{1} builds the initramfs from {2} alone, without the files in {3}"}},
      {listed_module_missing,
       "listed-module-missing",
       {"{1} lists {2} in MODULES, but kernel {3} has no such module, so every build of its "
        "initramfs fails"}},
      {booster_ignores,
       "booster-ignores",
       {"booster builds this system's initramfs, and ignores the softdep and install lines of "
        "modprobe.d (mkinitcpio and dracut use them)"}},

      {in_container, "in-container", {"a container"}},
      {in_chroot, "in-chroot", {"a chroot"}},
      {in_live_system, "in-live-system", {"a live system"}},
      {in_unknown_system, "in-unknown-system", {"another system"}},
  };
  return kinds;
}

const ReasonKind& kind_of(ReasonCause cause) {
  return reason_kinds().at(static_cast<std::size_t>(cause));
}

std::optional<ReasonCause> parse_reason_cause(std::string_view name) {
  const auto found = std::ranges::find(reason_kinds(), name, &ReasonKind::name);
  return found == reason_kinds().end() ? std::nullopt : std::optional(found->cause);
}

}  // namespace vfio_switch
