// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/driver_config.h"

#include "core/boot/parameter_edit.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

DriverConfig current_config(const SystemFacts& facts) {
  DriverConfig config{facts.modprobe, {}, next_boot_ids(facts)};
  const auto found = facts.files.find(std::string(override_path));
  if (found == facts.files.end()) return config;
  if (const auto* file = std::get_if<RegularFile>(&found->second.state)) {
    config.overrides = parse_override(file->content);
  }
  return config;
}

std::optional<VfioIds> next_boot_ids(const SystemFacts& facts) {
  const auto value = parameter_value(facts.boot_loader, facts.command_line, "vfio_pci.ids");
  return value ? std::optional(VfioIds::parse(*value)) : std::nullopt;
}

}  // namespace vfio_switch
