// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/table.h"
#include "core/cards/intent.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// How much a finding matters. Notes are worth knowing and are no failure.
enum class Severity { problem, warning, note };

[[nodiscard]] std::string_view to_string(Severity severity);

/// Everything that doctor can find. The codes' text is stable: other programs match on it.
enum class FindingCode {
  iommu_firmware_off,
  iommu_parameter_missing,
  iommu_switched_off,
  iommu_silent,
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
  driver_blacklisted,
  config_conflict,
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

/// What is the same for every finding of a code.
struct FindingKind {
  FindingCode code = FindingCode::iommu_firmware_off;
  std::string_view text;  ///< "iommu-firmware-off"
  Severity severity = Severity::problem;
  std::string_view why;  ///< why it matters, one sentence
};

/// Every kind, in the order of FindingCode.
[[nodiscard]] const std::vector<FindingKind>& finding_kinds();

[[nodiscard]] const FindingKind& kind_of(FindingCode code);

/// One thing that stands in the way of passthrough, or will.
struct Finding {
  FindingCode code = FindingCode::iommu_firmware_off;
  Severity severity = Severity::problem;
  std::string found;                     ///< what, with file and line or address
  std::string remedy;                    ///< what mends it: a command where there is one
  std::vector<PciAddress> devices = {};  ///< what it is about, where that is hardware
  std::vector<std::string> table = {};   ///< lines that show more of it
  bool ours = false;                     ///< 'doctor --fix' mends it

  bool operator==(const Finding&) const = default;
};

/// A finding of the usual severity of its kind.
[[nodiscard]] Finding make_finding(FindingCode code, std::string found, std::string remedy,
                                   std::vector<PciAddress> devices = {});

/// True where a finding is more than a note.
[[nodiscard]] bool falls_short(const std::vector<Finding>& findings);

/// What people read: every finding with its remedy, worst first, and what to do next. Prose is no
/// wider than 80 columns anywhere.
[[nodiscard]] std::string doctor_text(const std::vector<Finding>& findings, Intent intent,
                                      Style style);

}  // namespace vfio_switch
