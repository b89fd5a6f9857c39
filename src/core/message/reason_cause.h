// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace vfio_switch {

/// Every reason that the program gives for something: a closed list, whose text is in
/// message/reason.cc.
enum class ReasonCause {
  not_known,

  // Which driver gets a function.
  no_module,            ///< no module would bind it
  loaded_before_vfio,   ///< module
  nothing_loads_vfio,   ///< the function would be bound, but nothing has the module loaded
  vfio_without_ids,     ///< built in, and the command line has not got the ids
  driver_built_in,      ///< driver
  driver_later,         ///< driver, directory: both are built in, and vfio-pci registers first
  loaded_by_list,       ///< place, module: an initramfs tool's list
  loaded_by_name,       ///< name, module
  command_unclear,      ///< command: of an `install` line
  commands_in_circle,   ///< install commands that call each other
  file_unread,          ///< file, why
  image_file_unread,    ///< file, image, why
  early_in_image,       ///< module
  list_gives_ids,       ///< place: an initramfs tool's list that gives its own ids to vfio-pci
  parameter_gives_ids,  ///< parameter
  file_gives_ids,       ///< place: an options line that is not ours
  parameter_lacks_ids,  ///< parameter: on the kernel command line, and the function's is not in it
  list_lacks_ids,       ///< place: the same, and the function's is not among them
  driverctl_gives,      ///< place, driver: whoever bound it before
  may_not_be_loaded,    ///< module: of rd.driver.post=
  script_overrides,     ///< place: what somebody's own script does to driver_override
  needed_not_loaded,    ///< module, needed: by it, but an install command stands in its place
  nothing_orders,       ///< modules: each may be the first to be loaded
  vfio_refused,         ///< parameter
  stub_may_take,        ///< place: an options line for pci-stub, which is a module
  stub_takes,           ///< parameter: pci-stub.ids=
  signature_unread,     ///< module
  module_unsigned,      ///< module: the kernel takes signed ones alone
  image_lacks_binding,  ///< it loads vfio-pci without what makes it take the card

  // What else leads to a driver: links of a chain.
  udev_loads,             ///< modules: for the function's alias
  udev_loads_early,       ///< modules: in the initramfs
  udev_loads_for,         ///< modules, device: another function
  udev_loads_early_for,   ///< modules, device
  list_loads,             ///< place, modules: after the initramfs
  list_loads_early,       ///< place, modules: in the initramfs
  parameter_loads,        ///< modules: a word of the kernel command line, after the initramfs
  parameter_loads_early,  ///< modules: in the initramfs
  given_by_address,       ///< place: the list that the bind script goes by
  softdep_before,         ///< place, module

  // What is not known about a boot menu, or decides in one of its entries.
  menu_not_known,         ///< why
  entry_not_known,        ///< why
  entry_modules_missing,  ///< kernel
  entry_leaves_iommu_off,
  entry_lacks_parameter,  ///< parameter
  entry_word_unclear,     ///< parameter

  // What an image, or a kernel, has.
  image_lacks_file,    ///< file
  image_file_older,    ///< file
  image_still_vfio,    ///< device
  image_other_driver,  ///< device, reason
  image_missing,
  image_unreadable,  ///< error
  image_needs_root,  ///< error
  image_holds,       ///< what: a module, or a file
  image_list_names,  ///< place, module
  kernel_lacks_vfio,
  plan_refused,          ///< refusal: its code
  file_differs,          ///< file: not what vfio-switch would write
  parameter_not_passed,  ///< by, parameters
  built_into_kernel,     ///< driver, kernel
  bound_by_address,
  driver_may_come_first,  ///< driver, kernel: which has vfio-pci built in as well
  id_stays,               ///< device, id
  command_for_module,     ///< place, module: an install line
  list_names,             ///< place, module

  // Why a file changes, an image is built, or a tool is run.
  vfio_loads_first,
  vfio_loads_always,
  functions_by_address,
  ids_suffice,
  softdeps_overridden,
  softdeps_free,
  left_over,
  copied_unordered,
  mkinitcpio_takes_vfio,
  mkinitcpio_does_not_need_it,
  commented_out,
  parameters_added,    ///< parameters
  parameters_dropped,  ///< parameters
  parameters_stripped,
  grub_passes,  ///< parameters
  grub_passes_rest,
  grubby_changes_entries,
  generator_passes,       ///< tool, parameters
  generator_passes_rest,  ///< tool, parameters
  ostree_deploys,
  configuration_changes,
  rebuild_asked,
  holds_command_line,
  restored,
  put_out_of_effect,
  put_back,
  former_kept,
  not_wanted,
  damaged_kept,
  ids_stripped,
  written_by_us,
  remembered,
  directory_missing,

  // Why the kernel command line needs something.
  iommu_off,
  vfio_built_in,  ///< kernel
  added_before,
  not_in_settings,
  settings_ask,  ///< place, setting

  // Why a boot loader's command line cannot be changed.
  not_regular,  ///< file
  no_line_for,  ///< file, parameter
  unified_without_source,
  dracut_without_source,
  grubby_would_replace,  ///< former, parameter
  ids_there_already,     ///< former: other ids of vfio-pci, which are somebody else's
  grub_not_installed,    ///< output
  settings_missing,      ///< file
  words_outside_quotes,  ///< place
  unified_not_rebuilt,
  loader_by_hand,  ///< loader, file
  image_decides,   ///< bootc's container image
  loader_unknown,
  loader_unreadable,  ///< error
  several_loaders,    ///< loaders

  // What a word of the kernel command line does.
  leaves_card_to_host,
  gives_ids,
  forbids_vfio,
  blacklists_drivers,
  keeps_framebuffer,
  turns_iommu_off,
  turns_iommu_on,
  no_effect,

  // What hinders an initramfs tool.
  hook_missing,             ///< file
  hooks_set_later,          ///< place, file
  no_modconf,               ///< place
  preset_without_drop_ins,  ///< place, config, directory
  listed_module_missing,    ///< place, modules, kernel
  booster_ignores,
  image_verified,  ///< file, place: of the checksum

  // What the host uses below a device.
  disk_mounted,      ///< disk, point
  disk_in_fstab,     ///< disk, point
  disk_swapped_to,   ///< disk
  disk_assembled,    ///< disk, into: what it is a part of
  disk_use_unknown,  ///< disk
  only_keyboard,
  default_route,  ///< interface

  // Where a program runs that does not see the machine's own hardware.
  in_container,
  in_chroot,
  in_live_system,
  in_unknown_system,
};

}  // namespace vfio_switch
