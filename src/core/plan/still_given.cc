// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/still_given.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"
#include "core/binding/command_line_ids.h"
#include "core/cards/card.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

/// What the next boot's kernel gets: of the entry that starts then, else of the running system.
const std::string& next_command_line(const SystemFacts& facts) {
  const auto next = next_entry(facts.boot_menu);
  if (!next) return facts.command_line;
  const auto& line = facts.boot_menu.entries[*next].command_line;
  return line ? *line : facts.command_line;
}

Note note_on(Item what, Remedy remedy) {
  return {NoteCause::still_given, {{"what", std::move(what)}}, std::move(remedy)};
}

}  // namespace

std::vector<Note> still_given(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                              const DriverConfig& config, const std::vector<std::string>& ours) {
  const auto gives = [&](const std::optional<VfioIds>& ids) {
    return ids && std::ranges::any_of(functions, [&](const PciAddress& address) {
             return ids->match(*find_device(facts, address));
           });
  };
  std::vector<Note> notes;
  for (const auto word : split_words(next_command_line(facts), " \t\n")) {
    const std::string parameter(word);
    if (!gives(ids_parameter(word)) || std::ranges::find(ours, parameter) != ours.end()) continue;
    notes.push_back(note_on(Parameter{parameter}, release_by_word(facts, functions, parameter)));
  }
  for (const auto& early : facts.early_modules) {
    if (early.module != "vfio_pci" || !gives(early.ids)) continue;
    notes.push_back(note_on(early.where, {Edit{early.where, {}, {}}}));
  }
  for (const auto& one : facts.driverctl) {
    const bool of_card = std::ranges::find(functions, one.device) != functions.end();
    if (!of_card || module_name(one.driver) != "vfio_pci") continue;
    notes.push_back(note_on(one.where, without_override(one.device)));
  }
  for (const auto& line : parse_modprobe(effective_modprobe(config.modprobe))) {
    const bool options = line.command == "options" && line.names("vfio_pci");
    if (!options || is_generated(line.file) || !gives(ids_option(line.arguments))) continue;
    notes.push_back(note_on(line.place(), release_by_line(facts, functions, line)));
  }
  return notes;
}

}  // namespace vfio_switch
