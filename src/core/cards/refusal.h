// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pci/pci.h"

namespace vfio_switch {

/// Why the program will not do something; other programs match on the code's text.
enum class RefusalCode {
  no_gpu,               ///< the machine has no GPU
  only_gpu,             ///< no other display would stay with the host
  boot_gpu,             ///< drives the boot display
  integrated,           ///< part of the processor; never taken unless named
  host_display,         ///< a BMC's display
  virtual_function,     ///< an SR-IOV virtual function
  display_in_use,       ///< the host's only usable screen is on it
  in_use,               ///< a disk or the only keyboard hangs below one of its functions
  group_shared,         ///< its IOMMU groups hold something that is not the card
  ids_shared,           ///< no longer given: such a card is bound by address
  ambiguous,            ///< several cards fit
  iommu_off,            ///< no IOMMU groups, or none for this GPU
  no_vfio_module,       ///< no installed kernel has vfio-pci
  not_found,            ///< the device that was named or kept is not there
  config_conflict,      ///< other configuration defeats ours; names file and line
  boot_parameter,       ///< a kernel parameter is needed first
  foreign_environment,  ///< a chroot, container or live system: not this machine's own root
  cmdline_locked,       ///< the boot menu cannot change the command line: no way back
  boot_not_mounted,     ///< /boot or the ESP should be mounted, and is not
  user_edited,          ///< a file of ours was edited since
  interrupted,          ///< an earlier change was interrupted
};

/// The code's stable text: "boot-gpu".
[[nodiscard]] std::string_view to_string(RefusalCode code);
[[nodiscard]] std::optional<RefusalCode> parse_refusal_code(std::string_view text);

/// One reason to change nothing.
struct Refusal {
  RefusalCode code = RefusalCode::no_gpu;
  std::string message;              ///< a sentence that names devices, files and what would help
  std::vector<PciAddress> devices;  ///< what it is about; blockers for group-shared
  std::string difference = {};      ///< user-edited: a unified diff, from theirs to ours

  bool operator==(const Refusal&) const = default;
};

}  // namespace vfio_switch
