// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/machine/facts.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// Whose IOMMU a machine has: by the firmware's table, else by the processor.
enum class IommuVendor { unknown, intel, amd };

/// `cpu_vendor` is "intel", "amd" or empty, where the caller knows the processor.
[[nodiscard]] IommuVendor iommu_vendor(const SystemFacts& facts, std::string_view cpu_vendor = {});

/// The word of a kernel command line that turns the IOMMU off: "iommu=off", "intel_iommu=off" or
/// "amd_iommu=off"; nothing where none does. The other vendor's parameter has no effect
/// (Documentation/admin-guide/kernel-parameters.txt).
[[nodiscard]] std::optional<std::string> iommu_switched_off_by(std::string_view command_line,
                                                               IommuVendor vendor);

/// The word of the running kernel's command line that is for the other vendor's processors and has
/// no effect on this one, as it stands there; nothing where there is none.
[[nodiscard]] std::optional<std::string> foreign_iommu_parameter(const SystemFacts& facts,
                                                                 std::string_view cpu_vendor = {});

/// The kernel parameter that would turn the IOMMU on; nothing where it is on, or where no
/// parameter helps. Only Intel needs one: the kernel may leave a DMAR table unused
/// (CONFIG_INTEL_IOMMU_DEFAULT_ON), while an IVRS table is always used.
[[nodiscard]] std::optional<std::string> missing_iommu_parameter(const SystemFacts& facts);

/// The word that has the running kernel split IOMMU groups which the hardware does not isolate, and
/// with which no group proves anything (a patch of some distributions' kernels); nothing where
/// there is none.
[[nodiscard]] std::optional<std::string> acs_override(const SystemFacts& facts);

/// Shows what the kernel said about the IOMMU in this boot.
[[nodiscard]] Run read_iommu_log();

}  // namespace vfio_switch
