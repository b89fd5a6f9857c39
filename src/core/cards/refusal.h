// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/message/template.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// Why the program will not do something; other programs match on the code's text.
enum class RefusalCode {
  no_gpu,               ///< the machine has no GPU
  only_gpu,             ///< no other display would stay with the host
  boot_gpu,             ///< drives the boot display, or may do so
  integrated,           ///< part of the processor; never taken unless named
  host_display,         ///< a BMC's display
  virtual_function,     ///< an SR-IOV virtual function
  display_in_use,       ///< the host's only usable screen is on it
  in_use,               ///< a disk, the only keyboard or the default route is below a function
  group_shared,         ///< its IOMMU groups hold something that is not the card
  ids_shared,           ///< no longer given: such a card is bound by address
  ambiguous,            ///< several cards fit
  iommu_off,            ///< no IOMMU groups, or none for this GPU
  no_vfio_module,       ///< no installed kernel has vfio-pci
  not_found,            ///< the device that was named or kept is not there
  config_conflict,      ///< other configuration defeats ours; names file and line
  boot_parameter,       ///< a kernel parameter is needed first
  foreign_environment,  ///< a chroot, container or live system: not this machine's own root
  boot_menu_unknown,    ///< what boots is not known: nothing is set up without being asked
  not_automatic,        ///< nothing is set up without being asked; 'enable' would do it
  cmdline_locked,       ///< the boot menu cannot change the command line: no way back
  boot_not_mounted,     ///< /boot or the ESP should be mounted, and is not
  user_edited,          ///< a file of ours was edited since
  interrupted,          ///< an earlier change was interrupted
};

/// True where a card, or the choice of one, stands in the way: the list of cards shows more then.
[[nodiscard]] bool is_about_cards(RefusalCode code);

/// The code's stable text: "boot-gpu".
[[nodiscard]] std::string_view to_string(RefusalCode code);
[[nodiscard]] std::optional<RefusalCode> parse_refusal_code(std::string_view text);

/// What exactly stands in the way: each cause has one code, and one sentence.
enum class RefusalCause {
  no_gpu,
  only_display,             ///< gpu
  boot_display,             ///< gpu
  boot_gpu_unknown,         ///< gpu: the one that would be chosen
  part_of_processor,        ///< gpu
  management_display,       ///< gpu: a server's BMC
  sriov_function,           ///< gpu
  virtual_device,           ///< device: the same, one that was to be added
  display_claimed,          ///< place, device
  monitor_on_card,          ///< gpu
  no_host_driver,           ///< displays
  used_by_host,             ///< gpu, what
  device_in_use,            ///< device, uses: one that was to be added
  group_shared,             ///< gpu (device, of one that was to be added), groups, blockers
  iommu_needs_parameter,    ///< parameter
  iommu_needs_other,        ///< parameter, useless: one for the other vendor's processors
  iommu_parameter_missing,  ///< parameter: as iommu_needs_parameter, of a plan
  iommu_other_missing,      ///< parameter, useless: as iommu_needs_other, of a plan
  iommu_switched_off,       ///< parameter
  iommu_switched_off_at,    ///< parameter, place
  iommu_not_announced,
  iommu_unexplained,
  iommu_unexplained_other,  ///< useless
  function_without_group,   ///< device
  several_match,            ///< spec, cards
  several_devices_match,    ///< spec, devices: of --add-device
  several_eligible,         ///< cards
  spec_not_found,           ///< spec
  not_a_graphics_card,      ///< device, name
  not_addable,              ///< device, name
  kept_card_gone,           ///< id, address
  kept_card_ambiguous,      ///< id, address, cards
  kept_device_gone,         ///< id, address: of --add-device
  kept_device_ambiguous,    ///< id, address, devices
  no_kernel,
  no_vfio_module,
  vfio_built_in,        ///< kernel, reason: nothing binds by address there
  command_line_ids,     ///< parameter
  command_line_lacks,   ///< parameter, devices
  modprobe_line,        ///< place, line
  order_unproved,       ///< device, kernel, reason
  order_overridden,     ///< device, kernel, reason, place
  image_tool,           ///< reason
  parameter_not_asked,  ///< parameters, reason
  parameter_locked,     ///< parameters, reason
  change_locked,        ///< parameters: they should go
  tool_not_run,         ///< loader, parameters
  parameter_by_hand,    ///< parameters, reason, obstacle
  removal_by_hand,      ///< parameters, obstacle
  escape_locked,
  menu_unknown,         ///< reason: an automatic set-up wants the next boot proved
  menu_hidden,          ///< loader: an automatic set-up wants a way back at the boot menu
  menu_without_time,    ///< loader
  set_up_by_hand,       ///< what: places and parameters
  set_up_off,           ///< the package was built without automatic set-up
  foreign_environment,  ///< what
  not_mounted,          ///< paths
  file_is_directory,    ///< file
  file_not_regular,     ///< file
  file_edited,          ///< file
  file_put_out,         ///< file
  edited_since,         ///< file: of a rollback
  change_unfinished,    ///< verb
};

/// A row of the table of refusals.
struct RefusalKind {
  RefusalCause cause = RefusalCause::no_gpu;
  RefusalCode code = RefusalCode::no_gpu;
  std::string_view name;  ///< the cause's stable text: "monitor-on-card"
  Template text;          ///< a sentence without its full stop
};

/// Every kind, in the order of RefusalCause.
[[nodiscard]] const std::vector<RefusalKind>& refusal_kinds();

[[nodiscard]] const RefusalKind& kind_of(RefusalCause cause);
[[nodiscard]] std::optional<RefusalCause> parse_refusal_cause(std::string_view name);

/// One reason to change nothing. Its sentence is made by refusal_text().
struct Refusal {
  RefusalCause cause = RefusalCause::no_gpu;
  Data data = {};
  Remedy remedy = {};
  std::vector<PciAddress> devices = {};  ///< what it is about; blockers for group-shared
  std::string difference = {};           ///< user-edited: a unified diff, from theirs to ours

  [[nodiscard]] RefusalCode code() const { return kind_of(cause).code; }

  bool operator==(const Refusal&) const = default;
};

/// True if both say the same, of whatever devices.
[[nodiscard]] inline bool says_the_same(const Refusal& left, const Refusal& right) {
  return left.cause == right.cause && left.data == right.data;
}

/// True if one of `refusals` has `code`.
[[nodiscard]] bool contains(const std::vector<Refusal>& refusals, RefusalCode code);

}  // namespace vfio_switch
