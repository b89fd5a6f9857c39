// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/diagnosis.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

bool names_one_of(const VfioIds& ids, const Examination& examination) {
  return std::ranges::any_of(examination.functions, [&](const PciAddress& address) {
    return ids.match(*find_device(examination.facts, address));
  });
}

}  // namespace

std::vector<PciAddress> cards_in_question(const SystemFacts& facts, const Selection& selection) {
  if (!selection.functions.empty()) return selection.functions;
  // The nearest to being given away: nobody asks what keeps the host's own card.
  std::vector<const Candidate*> nearest;
  for (const auto& candidate : selection.gpus) {
    const auto& gpu = *find_device(facts, candidate.gpu);
    if (gpu.virtual_function || is_bmc_display(gpu) || is_integrated(facts, gpu)) continue;
    if (!nearest.empty() && candidate.refusals.size() > nearest.front()->refusals.size()) continue;
    if (!nearest.empty() && candidate.refusals.size() < nearest.front()->refusals.size()) {
      nearest.clear();
    }
    nearest.push_back(&candidate);
  }
  // Of those that cannot be given away one is enough: the others' reasons are the same.
  if (nearest.size() > 1 && !nearest.front()->eligible()) nearest.resize(1);
  std::set<PciAddress> functions;
  for (const auto* candidate : nearest) {
    functions.insert(candidate->functions.begin(), candidate->functions.end());
  }
  return {functions.begin(), functions.end()};
}

bool is_passthrough_wanted(const Examination& examination) {
  if (examination.state.intent == Intent::enabled) return true;
  if (examination.state.intent == Intent::disabled) return false;
  const auto& facts = examination.facts;
  if (const auto given = ids_of_modprobe(parse_modprobe(effective_modprobe(facts.modprobe)))) {
    if (names_one_of(*given, examination)) return true;
  }
  return std::ranges::any_of(split_words(facts.command_line), [&](std::string_view word) {
    const auto ids = ids_parameter(word);
    return ids && names_one_of(*ids, examination);
  });
}

bool is_in_question(const Examination& examination, const PciAddress& address) {
  return std::ranges::binary_search(examination.functions, address);
}

std::vector<const PciDevice*> gpus_in_question(const Examination& examination) {
  std::vector<const PciDevice*> gpus;
  for (const auto& address : examination.functions) {
    const auto* device = find_device(examination.facts, address);
    if (device->device_class.is_display()) gpus.push_back(device);
  }
  return gpus;
}

std::vector<Refusal> refusals_in_question(const Examination& examination) {
  const auto& selection = examination.selection;
  if (!selection.functions.empty()) return selection.refusals;
  std::vector<Refusal> refusals;
  for (const auto& candidate : selection.gpus) {
    if (!is_in_question(examination, candidate.gpu)) continue;
    for (const auto& refusal : candidate.refusals) {
      if (std::ranges::find(refusals, refusal) == refusals.end()) refusals.push_back(refusal);
    }
  }
  return refusals;
}

Severity severity_once_wanted(const Examination& examination) {
  return is_passthrough_wanted(examination) ? Severity::warning : Severity::note;
}

std::vector<Finding> diagnose(const Examination& examination) {
  std::vector<Finding> findings;
  check_staging(examination, findings);
  check_iommu(examination, findings);
  check_isolation(examination, findings);
  check_display(examination, findings);
  check_given(examination, findings);
  check_drivers(examination, findings);
  check_leftovers(examination, findings);
  check_boot(examination, findings);
  check_holders(examination, findings);
  check_virtual_machines(examination, findings);
  for (auto& finding : findings) {
    finding.remedy = with_build(examination, std::move(finding.remedy));
  }
  std::ranges::stable_sort(findings, {}, &Finding::severity);
  return findings;
}

}  // namespace vfio_switch
