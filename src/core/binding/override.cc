// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/override.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/plan/boot_plan.h"

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

BootConfig current_config(const SystemFacts& facts) {
  BootConfig config{facts.modprobe, {}, next_boot_ids(facts)};
  const auto found = facts.files.find(std::string(override_path));
  if (found == facts.files.end()) return config;
  if (const auto* file = std::get_if<RegularFile>(&found->second.state)) {
    config.overrides = parse_override(file->content);
  }
  return config;
}

namespace {

/// A driver that is built in, and that only the device it had told of, is not to be seen any more
/// once the function was taken from it.
bool taken_by_address(const SystemFacts& facts, const std::vector<PciAddress>& functions) {
  const auto file = facts.files.find(std::string(override_path));
  if (file == facts.files.end() || !std::holds_alternative<RegularFile>(file->second.state)) {
    return false;
  }
  return std::ranges::any_of(functions, [&](const PciAddress& address) {
    const auto& device = *find_device(facts, address);
    return device.driver == "vfio-pci" && device.driver_override == "vfio-pci";
  });
}

}  // namespace

Binding choose_binding(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                       const std::vector<Claim>& claims) {
  const bool built_in =
      std::ranges::any_of(claims, [](const Claim& claim) { return !claim.built_in.empty(); });
  const auto leaves = [&](const PciDevice& device) {
    return std::ranges::binary_search(functions, device.address);
  };
  const bool shared = std::ranges::any_of(functions, [&](const PciAddress& address) {
    const auto id = find_device(facts, address)->id;
    return std::ranges::any_of(
        facts.devices, [&](const PciDevice& other) { return other.id == id && !leaves(other); });
  });
  return built_in || shared || taken_by_address(facts, functions) ? Binding::address : Binding::ids;
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
