// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/iommu.h"

#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"

namespace vfio_switch {

IommuVendor iommu_vendor(const SystemFacts& facts, std::string_view cpu_vendor) {
  if (facts.iommu_table == IommuTable::dmar) return IommuVendor::intel;
  if (facts.iommu_table == IommuTable::ivrs) return IommuVendor::amd;
  if (cpu_vendor == "intel") return IommuVendor::intel;
  return cpu_vendor == "amd" ? IommuVendor::amd : IommuVendor::unknown;
}

std::optional<std::string> iommu_switched_off_by(std::string_view command_line,
                                                 IommuVendor vendor) {
  const auto is_off = [&](std::string_view key) { return has_value(command_line, key, "off"); };
  if (is_off("iommu")) return "iommu=off";
  if (vendor != IommuVendor::amd && is_off("intel_iommu")) return "intel_iommu=off";
  if (vendor != IommuVendor::intel && is_off("amd_iommu")) return "amd_iommu=off";
  return std::nullopt;
}

std::optional<std::string> foreign_iommu_parameter(const SystemFacts& facts,
                                                   std::string_view cpu_vendor) {
  const auto vendor = iommu_vendor(facts, cpu_vendor);
  if (vendor == IommuVendor::unknown) return std::nullopt;
  const std::string_view key = vendor == IommuVendor::intel ? "amd_iommu=" : "intel_iommu=";
  for (const auto word : split_words(facts.command_line, " \t\n")) {
    if (word.starts_with(key)) return std::string(word);
  }
  return std::nullopt;
}

std::optional<std::string> missing_iommu_parameter(const SystemFacts& facts) {
  if (facts.iommu_enabled || facts.iommu_table != IommuTable::dmar ||
      iommu_switched_off_by(facts.command_line, iommu_vendor(facts)) ||
      has_value(facts.command_line, "intel_iommu", "on")) {
    return std::nullopt;
  }
  return "intel_iommu=on";  // amd_iommu=on is no parameter
}

std::optional<std::string> acs_override(const SystemFacts& facts) {
  if (!facts.iommu_enabled) return std::nullopt;
  for (const auto word : split_words(facts.command_line, " \t\n")) {
    if (word.starts_with("pcie_acs_override=")) return std::string(word);
  }
  return std::nullopt;
}

Run read_iommu_log() {
  return {Command{{"journalctl", "--dmesg", "--grep=DMAR|AMD-Vi"}}};
}

}  // namespace vfio_switch
