// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/remedies.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/binding/command_line_ids.h"
#include "core/boot/boot_menu.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

/// The line at `place` as it stands in the file; empty where there is none.
std::string line_at(const std::vector<ModprobeFile>& files, const Place& place) {
  const auto file = std::ranges::find(files, place.path, &ModprobeFile::path);
  if (file == files.end() || place.line < 1) return {};
  const auto lines = split_lines(file->content);
  const auto index = static_cast<std::size_t>(place.line) - 1;
  return index < lines.size() ? std::string(lines[index]) : std::string();
}

/// True if the entry that starts next is known, and is without `parameter`.
bool is_gone(const SystemFacts& facts, std::string_view parameter) {
  const auto next = next_entry(facts.boot_menu);
  if (!next || where_set(facts.boot_loader, parameter)) return false;
  const auto& line = facts.boot_menu.entries[*next].command_line;
  if (!line) return false;
  const auto words = split_words(*line);
  return std::ranges::find(words, parameter) == words.end();
}

}  // namespace

Run command_for_intent(const Examination& examination, std::vector<std::string> options) {
  const bool enabled = examination.state.intent == Intent::enabled;
  options.insert(options.begin(), enabled ? "enable" : "disable");
  return own_command(std::move(options));
}

RemedyStep rebuild_step(const Examination& examination) {
  const auto& command = examination.more.rebuild;
  if (command.empty()) return Manual{ByHand::rebuild_initramfs};
  return Run{{command}, true};
}

Remedy adding(const Examination& examination, std::string_view parameter) {
  auto remedy = parameter_remedy(examination.facts.boot_loader, {std::string(parameter)}, {});
  remedy.emplace_back(Manual{ByHand::reboot});
  return remedy;
}

Remedy completing_ids(const Examination& examination, const std::string& word) {
  const auto& facts = examination.facts;
  const auto& functions = examination.functions;
  Remedy remedy;
  if (choose_binding(facts, functions, examination.claims) == Binding::ids) {
    remedy = complete_word(facts, functions, word);
    remedy.emplace_back(Manual{ByHand::reboot});
  } else {
    remedy = resolve_word(facts, functions, Binding::address, word);
    remedy.emplace_back(own_command({"enable"}));
  }
  return remedy;
}

Remedy dropping(const Examination& examination, std::string_view parameter) {
  const auto& loader = examination.facts.boot_loader;
  Remedy remedy;
  for (const auto& line : examination.more.command_lines) {
    const auto words = parameters_in(line);
    if (std::ranges::find(words, parameter) == words.end()) continue;
    add_steps(remedy, removal_remedy(loader, line, parameter));
  }
  if (!remedy.empty()) return remedy;
  if (is_gone(examination.facts, parameter)) return {Manual{ByHand::reboot}};
  return parameter_remedy(loader, {}, {std::string(parameter)});
}

std::string ids_on_command_line(const SystemFacts& facts) {
  const auto value = parameter_value(facts.boot_loader, facts.command_line, "vfio_pci.ids");
  const std::string usual = "vfio-pci.ids=" + value.value_or("");
  const std::string other = "vfio_pci.ids=" + value.value_or("");
  return where_set(facts.boot_loader, other) ? other : usual;
}

Remedy with_build(const Examination& examination, Remedy remedy) {
  if (examination.facts.command_line_locked || examination.more.rebuild.empty()) return remedy;
  const RemedyStep by_hand = Manual{ByHand::build_and_sign_image};
  std::ranges::replace(remedy, by_hand, rebuild_step(examination));
  return remedy;
}

Remedy without_line(const Examination& examination, const Place& place) {
  return without_line(place, line_at(examination.facts.modprobe, place));
}

void add_steps(Remedy& remedy, const Remedy& more) {
  for (const auto& step : more) {
    if (!std::holds_alternative<OtherWay>(step)) std::erase(remedy, step);
    remedy.push_back(step);
  }
}

}  // namespace vfio_switch
