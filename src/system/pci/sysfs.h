// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/pci/pci.h"
#include "system/files/foreign_files.h"

namespace vfio_switch {

/// Every PCI function below /sys/bus/pci/devices, sorted by address, with the bridges above it and
/// its connectors (Documentation/ABI/testing/sysfs-bus-pci).
/// An attribute that is missing or makes no sense counts as not there; a function without
/// vendor, device or class is an Error.
[[nodiscard]] Result<std::vector<PciDevice>> read_pci_devices(ForeignFiles& foreign);

/// The PCI function that a sysfs path belongs to; nothing if it belongs to none.
[[nodiscard]] std::optional<PciAddress> function_of_path(std::string_view path);

/// True if the kernel made IOMMU groups. Its log does not prove that: it says "DMAR: IOMMU enabled"
/// whenever the parameter is given.
[[nodiscard]] Result<bool> read_iommu_enabled(const FileReader& files);

/// The firmware's IOMMU table, by /sys/firmware/acpi/tables.
[[nodiscard]] IommuTable read_iommu_table(const FileReader& files);

}  // namespace vfio_switch
