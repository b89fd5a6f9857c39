// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/command_line_ids.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/base/text.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"
#include "core/cards/card.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

namespace {

constexpr std::string_view key = "vfio_pci.ids";
constexpr std::string_view directory = "/etc/modprobe.d/";
/// Other devices' ids where the card is bound by address: there they are in nobody's way.
constexpr std::string_view others_path = "/etc/modprobe.d/vfio-other-devices.conf";

void add(Remedy& remedy, Remedy more) {
  std::ranges::move(more, std::back_inserter(remedy));
}

/// The devices that nothing gives to vfio-pci once `before` is `after`.
std::vector<PciAddress> losses(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                               const VfioIds& before, const VfioIds& after = {}) {
  auto lost = others_given(facts, functions, before);
  std::erase_if(
      lost, [&](const PciAddress& address) { return after.match(*find_device(facts, address)); });
  return lost;
}

/// Where the file's ids come last they count: those of vfio.conf, which are the card's alone, do
/// not.
Remedy read_last(const ModprobeDirective& line) {
  const auto name = line.file.substr(line.file.rfind('/') + 1);
  if (name > vfio_conf_path.substr(directory.size())) return {};
  return {Run{{{"mv", line.file, std::string(directory) + "zz-" + name}}, true}};
}

}  // namespace

std::string with_ids(const std::string& word, const VfioIds& ids) {
  return word.substr(0, word.find('=') + 1) + ids.str();
}

std::string with_ids(const ModprobeDirective& line, const VfioIds& ids) {
  std::vector<std::string> words = {line.command, line.subject};
  for (const auto word : split_words(line.arguments)) {
    words.push_back(word.starts_with("ids=") ? "ids=" + ids.str() : std::string(word));
  }
  return join(words, " ");
}

std::optional<std::string> next_ids_word(const SystemFacts& facts) {
  const auto& menu = facts.boot_menu;
  if (menu.default_entry && menu.entries[*menu.default_entry].command_line) {
    return last_parameter(*menu.entries[*menu.default_entry].command_line, key);
  }
  return last_parameter(facts.boot_loader, facts.command_line, key);
}

std::vector<PciAddress> others_given(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions, const VfioIds& ids) {
  std::vector<PciAddress> others;
  for (const auto& device : facts.devices) {
    const bool ours = std::ranges::find(functions, device.address) != functions.end();
    if (ours || device.device_class.is_pci_bridge() || !ids.match(device)) continue;
    others.push_back(device.address);
  }
  return others;
}

VfioIds with_ids_of(const SystemFacts& facts, VfioIds ids,
                    const std::vector<PciAddress>& functions) {
  for (const auto& address : functions) {
    const auto& device = *find_device(facts, address);
    if (!ids.match(device)) ids.add(VfioIds(std::set{device.id}));
  }
  return ids;
}

VfioIds without_ids_of(const SystemFacts& facts, const VfioIds& ids,
                       const std::vector<PciAddress>& functions) {
  std::set<VfioId> rest;
  std::ranges::copy_if(ids.ids(), std::inserter(rest, rest.end()), [&](const VfioId& id) {
    return std::ranges::none_of(functions, [&](const PciAddress& address) {
      return id.matches(*find_device(facts, address));
    });
  });
  return VfioIds(std::move(rest));
}

Remedy mind_losses(const std::vector<PciAddress>& devices) {
  if (devices.empty()) return {};
  return {Manual{ByHand::mind_devices, {{"devices", items_of(devices)}}}};
}

Remedy complete_word(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                     const std::string& word) {
  const auto ids = with_ids_of(facts, *ids_parameter(word), functions);
  return parameter_remedy(facts.boot_loader, {with_ids(word, ids)}, {word});
}

Remedy resolve_word(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                    Binding binding, const std::string& word) {
  const auto ids = *ids_parameter(word);
  const auto lost = losses(facts, functions, ids);
  const auto rest = without_ids_of(facts, ids, functions);
  Remedy remedy;
  if (binding == Binding::ids && !lost.empty()) {
    remedy = complete_word(facts, functions, word);
    remedy.emplace_back(OtherWay{});
  } else if (!others_given(facts, functions, rest).empty()) {
    remedy.emplace_back(
        Edit{Place{std::string(others_path)}, {}, "options vfio-pci ids=" + rest.str()});
  }
  add(remedy, parameter_remedy(facts.boot_loader, {}, {word}));
  add(remedy,
      mind_losses(losses(facts, functions, ids, binding == Binding::ids ? VfioIds() : rest)));
  return remedy;
}

Remedy resolve_line(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                    Binding binding, const ModprobeDirective& line) {
  const auto ids = *ids_option(line.arguments);
  const auto removal = without_line(line.place(), line.str());
  const auto lost = losses(facts, functions, ids);
  if (lost.empty() || !line.file.starts_with(directory)) {
    auto remedy = removal;
    add(remedy, mind_losses(lost));
    return remedy;
  }
  if (binding == Binding::address) return release_by_line(facts, functions, line);
  Remedy remedy;
  const auto complete = with_ids_of(facts, ids, functions);
  if (complete != ids)
    remedy.emplace_back(Edit{line.place(), line.str(), with_ids(line, complete)});
  add(remedy, read_last(line));
  remedy.emplace_back(OtherWay{});
  add(remedy, removal);
  add(remedy, mind_losses(lost));
  return remedy;
}

Remedy release_by_word(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                       const std::string& word) {
  const auto ids = *ids_parameter(word);
  const auto rest = without_ids_of(facts, ids, functions);
  const bool keeps = !others_given(facts, functions, rest).empty();
  std::vector<std::string> kept;
  if (keeps) kept.push_back(with_ids(word, rest));
  auto remedy = parameter_remedy(facts.boot_loader, kept, {word});
  add(remedy, mind_losses(losses(facts, functions, ids, rest)));
  return remedy;
}

Remedy release_by_line(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                       const ModprobeDirective& line) {
  const auto ids = *ids_option(line.arguments);
  const auto rest = without_ids_of(facts, ids, functions);
  const bool keeps = !others_given(facts, functions, rest).empty();
  Remedy remedy = {Edit{line.place(), line.str(), keeps ? with_ids(line, rest) : std::string()}};
  add(remedy, mind_losses(losses(facts, functions, ids, rest)));
  return remedy;
}

}  // namespace vfio_switch
