// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "core/boot/parameter_edit.h"
#include "core/cards/iommu.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"
#include "core/plan/boot_plan.h"

namespace vfio_switch {

namespace {

void check_wrong_vendor(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  const auto foreign = foreign_iommu_parameter(facts, examination.more.cpu_vendor);
  if (!foreign) return;
  const auto vendor = iommu_vendor(facts, examination.more.cpu_vendor);
  const auto* name = vendor == IommuVendor::intel ? "Intel" : "AMD";
  auto& finding = findings.emplace_back(
      make_finding(FindingCause::parameter_wrong_vendor,
                   {{"parameter", Parameter{*foreign}}, {"vendor", Word{name}}},
                   dropping(examination, *foreign)));
  if (facts.iommu_enabled) finding.severity = Severity::note;
}

void check_acs(const Examination& examination, std::vector<Finding>& findings) {
  const auto word = acs_override(examination.facts);
  if (!word || examination.functions.empty()) return;
  auto remedy = dropping(examination, *word);
  add_steps(remedy, {Manual{ByHand::reboot}});
  auto finding = make_finding(FindingCause::acs_override, {{"parameter", Parameter{*word}}},
                              std::move(remedy));
  finding.severity = severity_once_wanted(examination);
  findings.push_back(std::move(finding));
}

/// `enable` adds the parameter itself, and rollback removes it; where it would be refused for
/// another reason, only the edit helps.
Remedy turning_on(const Examination& examination, const std::string& parameter) {
  const auto& facts = examination.facts;
  const bool is_alone = std::ranges::all_of(
      refusals_in_question(examination),
      [](const Refusal& refusal) { return refusal.code() == RefusalCode::iommu_off; });
  const bool can_add = !facts.command_line_locked && !examination.functions.empty() &&
                       examination.state.intent != Intent::disabled &&
                       edit_parameters(facts.boot_loader, {parameter}, {}).has_value();
  Remedy remedy;
  if (is_alone && can_add) remedy = {own_command({"enable"}), Manual{ByHand::reboot}};
  add_way(remedy, adding(examination, parameter));
  return remedy;
}

}  // namespace

void check_iommu(const Examination& examination, std::vector<Finding>& findings) {
  using enum FindingCause;
  const auto& facts = examination.facts;
  check_wrong_vendor(examination, findings);
  check_acs(examination, findings);
  if (facts.iommu_enabled) return;
  const auto vendor = iommu_vendor(facts, examination.more.cpu_vendor);
  if (const auto off = iommu_switched_off_by(facts.command_line, vendor)) {
    auto remedy = dropping(examination, *off);
    add_steps(remedy, {Manual{ByHand::reboot}});
    findings.push_back(
        make_finding(iommu_switched_off, {{"parameter", Parameter{*off}}}, std::move(remedy)));
    return;
  }
  if (const auto wanted = missing_iommu_parameter(facts)) {
    const Data data = {{"parameter", Parameter{*wanted}}};
    if (!is_isolation_pending(facts)) {
      findings.push_back(
          make_finding(iommu_parameter_missing, data, turning_on(examination, *wanted)));
      return;
    }
    auto& finding =
        findings.emplace_back(make_finding(iommu_parameter_staged, data, {Manual{ByHand::reboot}}));
    finding.severity = Severity::note;
  } else if (facts.iommu_table == IommuTable::none) {
    auto setting = ByHand::turn_on_iommu;
    if (vendor == IommuVendor::intel) setting = ByHand::turn_on_vt_d;
    if (vendor == IommuVendor::amd) setting = ByHand::turn_on_amd_iommu;
    findings.push_back(make_finding(iommu_firmware_off, {}, {Manual{setting}}));
  } else {
    const auto* table = facts.iommu_table == IommuTable::dmar ? "DMAR" : "IVRS";
    findings.push_back(make_finding(iommu_silent, {{"table", Word{table}}},
                                    {read_iommu_log(), Manual{ByHand::update_firmware}}));
  }
}

}  // namespace vfio_switch
