// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/base/text.h"
#include "core/cards/iommu.h"
#include "core/doctor/checks.h"
#include "core/plan/boot_plan.h"

namespace vfio_switch {

namespace {

/// Where files have `word` on a kernel command line; empty where none has.
std::string where_kept(const DoctorFacts& more, std::string_view word) {
  std::vector<std::string> places;
  for (const auto& line : more.command_lines) {
    const auto words = split_words(line.text, " \t\"'");
    if (std::ranges::find(words, word) != words.end()) places.push_back(line.where());
  }
  return enumerate(places);
}

void check_wrong_vendor(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  const auto foreign = foreign_iommu_parameter(facts, examination.more.cpu_vendor);
  if (!foreign) return;
  const auto who = iommu_vendor(facts, examination.more.cpu_vendor);
  const auto word = printable(*foreign);
  const auto where = where_kept(examination.more, word);
  auto& finding = findings.emplace_back(make_finding(
      FindingCode::parameter_wrong_vendor,
      "The kernel command line has " + word + ", and the processor is " +
          (who == IommuVendor::intel ? "Intel's." : "AMD's."),
      "Remove " + word + " from " + (where.empty() ? "the boot loader's settings" : where) + "."));
  if (facts.iommu_enabled) finding.severity = Severity::note;
}

}  // namespace

void check_iommu(const Examination& examination, std::vector<Finding>& findings) {
  using enum FindingCode;
  const auto& facts = examination.facts;
  check_wrong_vendor(examination, findings);
  if (facts.iommu_enabled) return;
  const auto who = iommu_vendor(facts, examination.more.cpu_vendor);
  if (const auto off = iommu_switched_off_by(facts, examination.more.cpu_vendor)) {
    const auto where = where_kept(examination.more, *off);
    findings.push_back(make_finding(
        iommu_switched_off, "The IOMMU is off: the kernel command line says " + *off + ".",
        "Remove " + *off + " from " + (where.empty() ? "the boot loader's settings" : where) +
            ", and reboot."));
  } else if (is_isolation_pending(facts)) {
    auto& finding = findings.emplace_back(make_finding(
        iommu_parameter_missing,
        "The IOMMU is off, and the parameter that turns it on is staged for the next boot.",
        "Reboot; whether the card is isolated can be judged only then."));
    finding.severity = Severity::note;
  } else if (const auto wanted = missing_iommu_parameter(facts)) {
    findings.push_back(make_finding(iommu_parameter_missing,
                                    "The IOMMU is off: the kernel waits for " + *wanted + ".",
                                    how_to_add_parameter(examination, *wanted)));
  } else if (facts.iommu_table == IommuTable::none) {
    std::string setting = "On a PC, turn on VT-d (Intel) or IOMMU (AMD)";
    if (who == IommuVendor::intel) setting = "Turn on VT-d";
    if (who == IommuVendor::amd) setting = "Turn on IOMMU (AMD-Vi)";
    findings.push_back(make_finding(
        iommu_firmware_off, "The firmware announces no IOMMU: there is no DMAR or IVRS table.",
        setting + " in the firmware's set-up, beside virtualization."));
  } else {
    findings.push_back(make_finding(
        iommu_silent,
        std::string("The IOMMU is off, though the firmware has ") +
            (facts.iommu_table == IommuTable::dmar ? "a DMAR" : "an IVRS") + " table for it.",
        "See what 'dmesg | grep -e DMAR -e AMD-Vi' says; an update of the firmware may help."));
  }
}

}  // namespace vfio_switch
