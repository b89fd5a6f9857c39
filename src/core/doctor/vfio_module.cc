// SPDX-License-Identifier: GPL-3.0-or-later
#include <string>
#include <utility>
#include <vector>

#include "core/binding/binding.h"
#include "core/binding/command_line_ids.h"
#include "core/binding/driver_config.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"

namespace vfio_switch {

namespace {

/// vfio-pci in these kernels gets the ids of the command line alone, and binds nothing by address.
void check_built_in(const Examination& examination, const std::vector<std::string>& kernels,
                    std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  const auto wanted = with_ids_of(facts, {}, examination.functions);
  const auto given = next_boot_ids(facts);
  const bool by_ids =
      choose_binding(facts, examination.functions, examination.claims) == Binding::ids;
  if (by_ids && given && given->cover(wanted)) return;
  const auto word = next_ids_word(facts);
  // ids-partial says it.
  if (by_ids && word && !ids_parameter(*word)->empty() && is_passthrough_wanted(examination))
    return;
  Remedy remedy = {Manual{ByHand::install_kernel}};
  if (by_ids) {
    remedy = word ? completing_ids(examination, *word)
                  : adding(examination, "vfio-pci.ids=" + wanted.str());
  }
  findings.push_back(make_finding(FindingCause::vfio_pci_built_in, {{"kernels", words_of(kernels)}},
                                  std::move(remedy)));
}

}  // namespace

void check_vfio_module(const Examination& examination, std::vector<Finding>& findings) {
  std::vector<std::string> missing;
  std::vector<std::string> built_in;
  for (const auto& kernel : examination.facts.kernels) {
    if (kernel.vfio_pci == ModuleForm::missing) missing.push_back(kernel.release);
    if (kernel.vfio_pci == ModuleForm::built_in) built_in.push_back(kernel.release);
  }
  if (!missing.empty()) {
    const bool all = missing.size() == examination.facts.kernels.size();
    auto finding = make_finding(FindingCause::vfio_pci_missing, {{"kernels", words_of(missing)}},
                                {Manual{ByHand::install_kernel}});
    if (!all) finding.severity = Severity::warning;
    findings.push_back(std::move(finding));
  }
  if (!built_in.empty()) check_built_in(examination, built_in, findings);
}

}  // namespace vfio_switch
