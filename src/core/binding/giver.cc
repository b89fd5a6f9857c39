// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/giver.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/text.h"
#include "core/binding/command_line_ids.h"
#include "core/boot/parameter_remedy.h"
#include "core/cards/card.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/modules/module_parameters.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio-pci";
constexpr std::string_view pci_stub = "pci-stub";

/// Of the same names somebody may have files, too: ours have a digest.
bool is_ours(const ModprobeFile& file) {
  return is_generated(file.path) && is_sealed(file.content);
}

Giver by_ids(const SystemFacts& facts, Item what, std::string_view driver, VfioIds ids) {
  Giver giver{std::move(what), std::string(driver)};
  giver.devices = others_given(facts, {}, ids);
  giver.ids = std::move(ids);
  return giver;
}

/// Of those to one driver the last counts, which is moved to the front.
void put_last_first(std::vector<Giver>& some, bool overridden) {
  std::ranges::reverse(some);
  for (auto& giver : some) {
    giver.counts = !overridden;
    overridden = true;
  }
}

std::vector<Giver> by_words(const SystemFacts& facts, std::string_view driver) {
  std::vector<Giver> givers;
  for (const auto word : split_words(next_command_line(facts), " \t\n")) {
    const auto ids =
        driver == vfio_pci ? ids_parameter(word) : parse_module_parameters(word).stub_ids;
    if (ids) givers.push_back(by_ids(facts, Parameter{std::string(word)}, driver, *ids));
  }
  put_last_first(givers, false);
  return givers;
}

std::vector<Giver> by_lines(const SystemFacts& facts, std::string_view driver,
                            const std::vector<ModprobeDirective>& lines, bool overridden) {
  std::vector<Giver> givers;
  for (const auto& line : lines) {
    if (line.command != "options" || !line.names(driver)) continue;
    const auto ids = ids_option(line.arguments);
    if (!ids) continue;
    auto& giver = givers.emplace_back(by_ids(facts, line.place(), driver, *ids));
    giver.line = line;
  }
  put_last_first(givers, overridden);
  return givers;
}

}  // namespace

std::vector<VfioId> Giver::strangers(const SystemFacts& facts) const {
  std::vector<VfioId> found;
  if (!ids) return found;
  std::ranges::copy_if(ids->ids(), std::back_inserter(found), [&](const VfioId& id) {
    return std::ranges::none_of(facts.devices,
                                [&](const PciDevice& device) { return id.matches(device); });
  });
  return found;
}

const std::string& next_command_line(const SystemFacts& facts) {
  const auto next = next_entry(facts.boot_menu);
  if (!next) return facts.command_line;
  const auto& line = facts.boot_menu.entries[*next].command_line;
  return line ? *line : facts.command_line;
}

std::vector<Giver> find_givers(const SystemFacts& facts,
                               const std::vector<ModprobeFile>& modprobe) {
  std::vector<Giver> givers;
  for (const auto& one : facts.driverctl) {
    if (module_name(one.driver) != "vfio_pci" || find_device(facts, one.device) == nullptr)
      continue;
    givers.push_back({one.where, std::string(vfio_pci), {}, {one.device}});
  }
  auto effective = effective_modprobe(modprobe);
  std::erase_if(effective, is_ours);
  const auto lines = parse_modprobe(effective);
  for (const auto driver : {vfio_pci, pci_stub}) {
    auto words = by_words(facts, driver);
    const bool overridden = !words.empty();
    std::ranges::move(words, std::back_inserter(givers));
    for (const auto& early : facts.early_modules) {
      if (!early.ids || early.module != module_name(driver)) continue;
      givers.push_back(by_ids(facts, early.where, driver, *early.ids));
    }
    std::ranges::move(by_lines(facts, driver, lines, overridden), std::back_inserter(givers));
  }
  return givers;
}

Remedy drop_ids(const SystemFacts& facts, const Giver& giver, const VfioIds& rest) {
  if (giver.line)
    return {Edit{giver.line->place(), giver.line->str(), with_ids(*giver.line, rest)}};
  if (const auto* word = std::get_if<Parameter>(&giver.what)) {
    return parameter_remedy(facts.boot_loader, {with_ids(word->text, rest)}, {word->text});
  }
  return {Edit{std::get<Place>(giver.what), {}, {}}};
}

Remedy release(const SystemFacts& facts, const Giver& giver,
               const std::vector<PciAddress>& functions) {
  if (giver.line && giver.driver == vfio_pci) {
    return release_by_line(facts, functions, *giver.line);
  }
  if (giver.line) return without_line(giver.line->place(), giver.line->str());
  if (const auto* word = std::get_if<Parameter>(&giver.what)) {
    return giver.driver == vfio_pci ? release_by_word(facts, functions, word->text)
                                    : parameter_remedy(facts.boot_loader, {}, {word->text});
  }
  const auto& place = std::get<Place>(giver.what);
  if (giver.ids) return {Edit{place, {}, {}}};
  return without_override(giver.devices.front());
}

}  // namespace vfio_switch
