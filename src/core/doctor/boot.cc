// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/boot/parameter_remedy.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

bool gives_the_card(const Examination& examination, const VfioIds& ids) {
  return std::ranges::all_of(examination.functions, [&](const PciAddress& address) {
    return ids.match(*find_device(examination.facts, address));
  });
}

void check_ids_parameter(const Examination& examination, std::vector<Finding>& findings) {
  if (!is_passthrough_wanted(examination)) return;
  bool kept = false;
  for (const auto& line : examination.more.command_lines) {
    for (const auto word : split_words(line.text, " \t\"'")) {
      const auto ids = ids_parameter(word);
      if (!ids || gives_the_card(examination, *ids)) continue;
      kept = true;
      findings.push_back(make_finding(
          FindingCause::ids_parameter_kept,
          {{"place", Place{line.path, line.line}}, {"parameter", Parameter{std::string(word)}}},
          removal_remedy(examination.facts.boot_loader, line, word)));
    }
  }
  for (const auto word : split_words(examination.facts.command_line)) {
    const auto ids = ids_parameter(word);
    if (kept || !ids || gives_the_card(examination, *ids)) continue;
    Remedy remedy = {Manual{ByHand::reboot}};
    add_way(remedy, {own_command({"disable"})});
    findings.push_back(make_finding(FindingCause::ids_parameter_now,
                                    {{"parameter", Parameter{std::string(word)}}},
                                    std::move(remedy)));
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
  check_ids_parameter(examination, findings);
  check_hibernation(examination, findings);
  if (facts.command_line_locked) {
    findings.push_back(
        make_finding(FindingCause::command_line_locked, {}, {Manual{ByHand::keep_other_access}}));
  }
}

}  // namespace vfio_switch
