// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/override.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

constexpr std::size_t id_length = 9;  // "10de:1ff2"

std::optional<OverrideEntry> parse_entry(std::string_view line) {
  const auto words = split_words(line);
  if (words.size() != 2 || words[1].size() != 2 * id_length + 1) return std::nullopt;
  const auto address = PciAddress::parse(words[0]);
  const auto id = PciId::parse(words[1].substr(0, id_length));
  const auto subsystem = PciId::parse(words[1].substr(id_length + 1));
  if (!address || !id || !subsystem) return std::nullopt;
  const OverrideEntry entry{*address, *id, *subsystem};
  if (entry.str() != std::string(words[0]) + " " + std::string(words[1])) return std::nullopt;
  return entry;
}

}  // namespace

std::string OverrideEntry::str() const {
  return address.str() + " " + id.str() + ":" + subsystem.str();
}

OverrideEntry make_override(const PciDevice& device) {
  return {device.address, device.id, device.subsystem};
}

std::vector<OverrideEntry> parse_override(std::string_view content) {
  std::vector<OverrideEntry> entries;
  for (const auto line : split_lines(content)) {
    if (auto entry = parse_entry(line)) entries.push_back(*entry);
  }
  return entries;
}

bool runs_bind(std::string_view command) {
  const auto words = split_words(command, " \t;");
  return !words.empty() && words.front() == bind_path;
}

bool binds_by_address(const std::vector<ModprobeDirective>& directives) {
  static constexpr std::string_view vfio_pci = "vfio_pci";
  const auto command = std::ranges::find_if(directives, [](const ModprobeDirective& line) {
    return line.command == "install" && line.is_about(vfio_pci);
  });
  if (command == directives.end() || !runs_bind(command->arguments)) return false;
  const auto* softdep = effective_softdep(directives, vfio_pci);
  return softdep == nullptr || parse_softdep(softdep->arguments) == Softdep{};
}

}  // namespace vfio_switch
