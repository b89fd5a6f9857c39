// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/binding/command_line_ids.h"
#include "core/binding/driver_config.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"
#include "core/modules/vfio_ids.h"
#include "core/plan/still_given.h"

namespace vfio_switch {

namespace {

bool gives_the_card(const Examination& examination, const VfioIds& ids) {
  return std::ranges::all_of(examination.functions, [&](const PciAddress& address) {
    return ids.match(*find_device(examination.facts, address));
  });
}

/// Of deployments the next one counts: the one before keeps its own command line.
bool is_of_next_boot(const SystemFacts& facts, const ConfigLine& line) {
  const auto next = next_entry(facts.boot_menu);
  if (!std::holds_alternative<RpmOstree>(facts.boot_loader) || !next) return true;
  const bool is_entry = line.path.find("/loader/entries/") != std::string::npos;
  const auto& source = facts.boot_menu.entries[*next].source.file;
  const auto name = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  return !is_entry || name(line.path) == name(source);
}

void check_ids_parameter(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_passthrough_wanted(examination)) return;
  const auto& loader = examination.facts.boot_loader;
  bool kept = false;
  const auto keeps = [&](const Place& place, std::string_view word, Remedy remedy) {
    kept = true;
    findings.push_back(make_finding(FindingCause::ids_parameter_kept,
                                    {{"place", place}, {"parameter", Parameter{std::string(word)}}},
                                    std::move(remedy)));
  };
  for (const auto& line : examination.more.command_lines) {
    if (!is_of_next_boot(examination.facts, line)) continue;
    for (const auto word : parameters_in(line)) {
      const auto ids = ids_parameter(word);
      if (!ids || !ids->empty()) continue;
      keeps({line.path, line.line}, word, removal_remedy(loader, line, word));
    }
  }
  for (const auto word : split_words(examination.facts.command_line)) {
    const auto ids = ids_parameter(word);
    if (kept || !ids || !ids->empty()) continue;
    if (const auto place = where_set(loader, word)) {
      keeps(*place, word, parameter_remedy(loader, {}, {std::string(word)}));
      continue;
    }
    Remedy remedy = {Manual{ByHand::reboot}};
    add_way(remedy, {own_command({"disable"})});
    findings.push_back(make_finding(FindingCause::ids_parameter_now,
                                    {{"parameter", Parameter{std::string(word)}}},
                                    std::move(remedy)));
  }
}

/// Ids on the next boot's command line that leave out a function of the card.
void check_partial_ids(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_passthrough_wanted(examination)) return;
  const auto& facts = examination.facts;
  const auto word = next_ids_word(facts);
  const auto ids = word ? *ids_parameter(*word) : VfioIds();
  if (ids.empty() || gives_the_card(examination, ids)) return;
  std::vector<Item> left_out;
  for (const auto& address : examination.functions) {
    if (!ids.match(*find_device(facts, address))) left_out.emplace_back(address);
  }
  findings.push_back(
      make_finding(FindingCause::ids_partial,
                   {{"parameter", Parameter{*word}}, {"devices", std::move(left_out)}},
                   completing_ids(examination, *word)));
}

/// What keeps the card with vfio-pci although it was given back.
void check_still_given(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.state.intent != Intent::disabled) return;
  for (auto& note :
       still_given(examination.facts, examination.functions, current_config(examination.facts),
                   examination.state.boot_parameters)) {
    findings.push_back(
        make_finding(FindingCause::still_given, std::move(note.data), std::move(note.remedy)));
  }
}

void check_hibernation(const Examination& examination, std::vector<Finding>& findings) {
  const auto& more = examination.more;
  const bool pending = examination.state.intent != Intent::unset && more.booted_since != true &&
                       !std::ranges::all_of(examination.status.devices, &DeviceStatus::active);
  if (!pending || !more.resume) return;
  const bool by_device = more.resume->parameter.empty();
  Data data = {{"parameter", Parameter{more.resume->parameter}}};
  if (by_device) {
    data = {{"place", Place{"/sys/power/resume"}}, {"device", Word{more.resume->device}}};
  }
  findings.push_back(make_finding(
      by_device ? FindingCause::hibernation_by_device : FindingCause::hibernation_by_parameter,
      std::move(data), {Manual{ByHand::reboot}}));
}

}  // namespace

void check_boot(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  for (const auto& path : facts.unmounted) {
    findings.push_back(make_finding(FindingCause::boot_not_mounted, {{"path", Place{path}}},
                                    {Run{{{"mount", path}}, true}}));
  }
  if (auto broken = broken_settings(facts.boot_loader)) {
    findings.push_back(make_finding(FindingCause::words_outside_quotes,
                                    std::move(broken->reason.data), std::move(broken->remedy)));
  }
  check_ids_parameter(examination, findings);
  check_partial_ids(examination, findings);
  check_still_given(examination, findings);
  check_hibernation(examination, findings);
  if (facts.command_line_locked) {
    findings.push_back(
        make_finding(FindingCause::command_line_locked, {}, {Manual{ByHand::keep_other_access}}));
  }
}

}  // namespace vfio_switch
