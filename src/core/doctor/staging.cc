// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"

namespace vfio_switch {

namespace {

/// A command for each card that could be chosen.
Remedy choices(const std::vector<PciAddress>& gpus) {
  Remedy remedy;
  for (const auto& gpu : gpus) add_way(remedy, {own_command({"enable", "--device", gpu.str()})});
  return remedy;
}

Finding file_edited(const Examination& examination, const Refusal& refusal) {
  Remedy remedy = {command_for_intent(examination, {"--force-ours"})};
  add_way(remedy, {command_for_intent(examination, {"--keep-mine"})});
  auto finding = repeat_refusal(FindingCause::file_edited, refusal, std::move(remedy));
  for (const auto line : split_lines(refusal.difference)) {
    finding.details.push_back({Quotation{std::string(line)}});
  }
  return finding;
}

Finding card_missing(const Examination& examination, const Refusal& refusal) {
  std::vector<PciAddress> others;
  for (const auto& candidate : examination.selection.gpus) {
    if (candidate.eligible()) others.push_back(candidate.gpu);
  }
  Remedy remedy;
  if (refusal.code() == RefusalCode::not_found) remedy.emplace_back(Manual{ByHand::insert_card});
  add_way(remedy, choices(others));
  add_way(remedy, {own_command({"disable"})});
  return repeat_refusal(FindingCause::card_missing, refusal, std::move(remedy));
}

void check_refusals(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& refusal : examination.status.refusals) {
    if (refusal.code() == RefusalCode::user_edited) {
      findings.push_back(file_edited(examination, refusal));
    } else if (refusal.code() == RefusalCode::not_found ||
               refusal.code() == RefusalCode::ambiguous) {
      findings.push_back(card_missing(examination, refusal));
    }
  }
}

bool is_staged(const Examination& examination) {
  return std::ranges::all_of(examination.status.kernels,
                             [](const KernelStatus& kernel) { return kernel.staged != false; });
}

void check_kernels(const Examination& examination, std::vector<Finding>& findings) {
  if (!examination.status.refusals.empty()) return;
  for (const auto& kernel : examination.status.kernels) {
    const auto& found = examination.facts.kernels;
    const auto facts = std::ranges::find(found, kernel.release, &Kernel::release);
    const bool no_module = facts != found.end() && facts->vfio_pci == ModuleForm::missing &&
                           examination.state.intent == Intent::enabled;
    if (kernel.staged != false || no_module) continue;  // vfio-pci-missing says the latter
    Finding finding;
    if (!kernel.files_staged) {
      finding =
          make_finding(FindingCause::not_staged, {{"reason", kernel.reason.value_or(Reason())}},
                       {command_for_intent(examination)});
    } else if (const auto& copy = kernel.stale_copy) {
      finding = make_finding(FindingCause::image_copy_stale, copy->data, copy->remedy);
    } else {
      finding = make_finding(FindingCause::image_stale,
                             {{"image", Place{kernel.image.value_or("")}},
                              {"kernel", Word{kernel.release}},
                              {"reason", kernel.reason.value_or(Reason())}},
                             {command_for_intent(examination, {"--rebuild"})});
    }
    finding.ours = !kernel.stale_copy;
    const bool said = std::ranges::find(findings, finding) != findings.end();
    if (!said) findings.push_back(std::move(finding));
  }
}

void check_activity(const Examination& examination, std::vector<Finding>& findings) {
  if (!examination.status.refusals.empty() || !is_staged(examination)) return;
  std::vector<Item> bound;
  std::vector<Item> expected;
  std::vector<PciAddress> devices;
  for (const auto& device : examination.status.devices) {
    if (device.active) continue;
    devices.push_back(device.address);
    bound.emplace_back(Occupant{device.address, device.driver});
    expected.emplace_back(Occupant{device.address, device.expected_driver});
  }
  if (devices.empty()) return;
  Data data = {{"devices", std::move(bound)}, {"expected", std::move(expected)}};
  if (examination.more.booted_since != true) {
    findings.push_back(make_finding(FindingCause::reboot_needed, std::move(data),
                                    {Manual{ByHand::reboot}}, std::move(devices)));
    return;
  }
  // Then somebody decided for this boot what vfio-pci gets.
  if (ids_of_command_line(examination.facts.command_line)) return;
  findings.push_back(make_finding(FindingCause::not_active, std::move(data),
                                  {command_for_intent(examination, {"--rebuild"}),
                                   Manual{ByHand::reboot}, Manual{ByHand::report_bug}},
                                  std::move(devices)));
}

}  // namespace

void check_staging(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.interrupted) {
    auto finding = repeat_refusal(FindingCause::interrupted, *examination.interrupted,
                                  {own_command({"enable"}), OtherWay{}, own_command({"disable"})});
    finding.ours = true;
    findings.push_back(std::move(finding));
    return;  // the rest is in between two states
  }
  if (const auto& environment = examination.facts.foreign_environment) {
    findings.push_back(make_finding(FindingCause::foreign_environment,
                                    {{"environment", Reason(*environment)}},
                                    {Manual{ByHand::run_on_the_machine}}));
  }
  if (examination.state.intent != Intent::unset) {
    check_refusals(examination, findings);
    check_kernels(examination, findings);
    check_activity(examination, findings);
    return;
  }
  if (const auto& environment = examination.more.set_up_pending) {
    findings.push_back(make_finding(FindingCause::set_up_pending,
                                    {{"environment", Reason(*environment)}},
                                    {own_command({"enable"})}));
  }
  for (const auto& refusal : examination.selection.refusals) {
    if (refusal.cause == RefusalCause::boot_gpu_unknown) {
      findings.push_back(repeat_refusal(FindingCause::boot_gpu_unknown, refusal, refusal.remedy));
    }
    if (refusal.code() != RefusalCode::ambiguous) continue;
    findings.push_back(make_finding(FindingCause::choose_card,
                                    {{"cards", items_of(refusal.devices)}},
                                    choices(refusal.devices), refusal.devices));
  }
}

}  // namespace vfio_switch
