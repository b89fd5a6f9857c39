// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace vfio_switch {

/// Everything that doctor can find. The codes' text is stable: other programs match on it.
enum class FindingCode {
  iommu_firmware_off,
  iommu_parameter_missing,
  iommu_switched_off,
  iommu_silent,
  acs_override,
  parameter_wrong_vendor,
  group_shared,
  group_missing,
  no_second_gpu,
  boot_display_on_card,
  framebuffer_on_card,
  monitor_on_card,
  display_config,
  prime_mode,
  compositor_setting,
  used_by_host,
  choose_card,
  early_driver,
  softdep_shadowed,
  passthrough_lost,
  given_needed,
  given_unknown,
  driver_blacklisted,
  config_conflict,
  build_fails,
  vfio_pci_missing,
  vfio_pci_built_in,
  vfio_virqfd,
  older_tool,
  other_tool,
  interrupted,
  file_edited,
  not_staged,
  image_stale,
  reboot_needed,
  not_active,
  card_missing,
  set_up_pending,
  foreign_environment,
  boot_not_mounted,
  ids_parameter_kept,
  ids_parameter_now,
  ids_partial,
  still_given,
  words_outside_quotes,
  command_line_locked,
  hibernation,
  held_open,
  nvidia_persistenced,
  memlock_limit,
  vfio_node_private,
  reset_trouble,
  vm_device_missing,
  vm_device_changed,
  vm_unreadable,
};

/// What exactly was found: a closed list. A code has one cause or more, each with a sentence of its
/// own. Behind each: the keys of its data, in the order of the sentence's placeholders.
enum class FindingCause {
  iommu_firmware_off,
  iommu_parameter_missing,  ///< parameter
  iommu_parameter_staged,   ///< parameter
  iommu_switched_off,       ///< parameter
  iommu_silent,             ///< table
  acs_override,             ///< parameter
  parameter_wrong_vendor,   ///< parameter, vendor: of the processor
  group_shared,             ///< groups
  group_missing,            ///< device
  only_display,             ///< device
  no_graphics_card,
  no_other_card,
  boot_display_on_card,  ///< device
  framebuffer_on_card,   ///< driver, device
  monitor_on_card,       ///< a refusal says it
  display_config,        ///< place, device
  prime_mode,            ///< place, profile, device
  compositor_setting,    ///< setting, place, device
  used_by_host,          ///< a refusal says it
  choose_card,           ///< cards
  boot_gpu_unknown,      ///< a refusal says it
  early_driver,          ///< place, module
  softdep_shadowed,      ///< place, module, by
  passthrough_lost,      ///< devices, reason
  passthrough_unproved,  ///< reason
  given_lost,            ///< what, device, driver: that gets it, reason
  given_only_display,    ///< what, device, driver: that it is given to
  given_boot_display,    ///< what, device, driver
  given_last_monitor,    ///< what, device, driver
  given_used,            ///< what, device, driver, uses
  given_unknown,         ///< what, ids, driver
  driver_blacklisted,    ///< device, modules, by
  config_conflict,       ///< a refusal says it
  build_fails,           ///< a refusal says it
  vfio_pci_missing,      ///< kernels
  vfio_pci_built_in,     ///< kernels
  vfio_virqfd,           ///< place, kernels
  older_tool,            ///< files
  other_tool,            ///< files, tool
  interrupted,           ///< a refusal says it
  file_edited,           ///< a refusal says it
  not_staged,            ///< reason
  image_stale,           ///< image, kernel, reason
  image_copy_stale,      ///< file, source
  image_lacks_list,      ///< image, place
  reboot_needed,         ///< devices, expected
  not_active,            ///< devices, expected
  card_missing,          ///< a refusal says it
  set_up_pending,        ///< environment
  foreign_environment,   ///< environment
  boot_not_mounted,      ///< path
  ids_parameter_kept,    ///< place, parameter
  ids_parameter_now,     ///< parameter
  ids_partial,           ///< parameter, devices
  still_given,           ///< what, driver
  words_outside_quotes,  ///< place
  command_line_locked,
  hibernation_by_parameter,  ///< parameter
  hibernation_by_device,     ///< place, device
  held_open,                 ///< programs
  nvidia_persistenced,       ///< link
  memlock_limit,             ///< place
  vfio_node_private,         ///< place
  reset_trouble,             ///< device, family
  reset_trouble_by_method,   ///< device, family, method
  vm_device_missing,         ///< place, device
  vm_card_moved,             ///< place, device
  vm_gets_bridge,            ///< place, device
  vm_gets_used_device,       ///< place, device, use
  vm_gets_boot_display,      ///< place, device
  vm_unreadable,             ///< place, problem
};

}  // namespace vfio_switch
