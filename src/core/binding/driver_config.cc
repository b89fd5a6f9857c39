// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/driver_config.h"

#include <string>
#include <variant>

#include "core/boot/parameter_edit.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// The command line of the default entry, where each entry of the menu has one of its own: what
/// another one has, say one that leaves the card with the host, does not count for it.
std::optional<std::string> line_of_default_entry(const SystemFacts& facts) {
  const bool own_lines = std::holds_alternative<BootEntries>(facts.boot_loader) ||
                         std::holds_alternative<Grubby>(facts.boot_loader) ||
                         std::holds_alternative<RpmOstree>(facts.boot_loader);
  const auto& menu = facts.boot_menu;
  if (!own_lines || !menu.default_entry) return std::nullopt;
  return menu.entries[*menu.default_entry].command_line;
}

}  // namespace

DriverConfig current_config(const SystemFacts& facts) {
  DriverConfig config{facts.modprobe, {}, next_boot_ids(facts), facts.root_lists};
  const auto found = facts.files.find(std::string(override_path));
  if (found == facts.files.end()) return config;
  if (const auto* file = std::get_if<RegularFile>(&found->second.state)) {
    config.overrides = parse_override(file->content);
  }
  return config;
}

std::optional<VfioIds> next_boot_ids(const SystemFacts& facts) {
  if (const auto line = line_of_default_entry(facts)) return ids_of_command_line(*line);
  const auto value = parameter_value(facts.boot_loader, facts.command_line, "vfio_pci.ids");
  return value ? std::optional(VfioIds::parse(*value)) : std::nullopt;
}

}  // namespace vfio_switch
