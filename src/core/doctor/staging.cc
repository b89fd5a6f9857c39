// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/message/reason.h"

namespace vfio_switch {

namespace {

/// The command that makes the kept intent hold.
std::string own_command(const Examination& examination, std::string_view option = {}) {
  const bool enabled = examination.state.intent == Intent::enabled;
  std::string text = std::string("'vfio-switch ") + (enabled ? "enable" : "disable");
  if (!option.empty()) text += " " + std::string(option);
  return text + "'";
}

std::string addresses(const Refusal& refusal) {
  std::vector<std::string> texts;
  for (const auto& address : refusal.devices) texts.push_back(address.str());
  return enumerate(texts);
}

void check_refusals(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& refusal : examination.status.refusals) {
    const auto found = sentence(format(kind_of(refusal.cause).text, refusal.data));
    if (refusal.code() == RefusalCode::user_edited) {
      auto finding =
          make_finding(FindingCode::file_edited, found,
                       "Run " + own_command(examination, "--force-ours") + " to replace it, or " +
                           own_command(examination, "--keep-mine") + " to leave it.");
      for (const auto line : split_lines(refusal.difference)) finding.table.emplace_back(line);
      findings.push_back(std::move(finding));
    } else if (refusal.code() == RefusalCode::not_found ||
               refusal.code() == RefusalCode::ambiguous) {
      findings.push_back(make_finding(FindingCode::card_missing, found,
                                      "'vfio-switch devices' lists what is there; 'vfio-switch "
                                      "enable --device ADDRESS' chooses "
                                      "anew, and 'vfio-switch disable' gives it up.",
                                      refusal.devices));
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
    const auto why = kernel.reason.value_or(Reason());
    const auto reason = format(kind_of(why.cause).text, why.data);
    const bool by_file = why.cause == ReasonCause::file_differs;
    Finding finding;
    if (by_file) {
      finding = make_finding(FindingCode::not_staged, sentence(reason),
                             "Run " + own_command(examination) + ".");
    } else {
      finding = make_finding(FindingCode::image_stale,
                             kernel.image.value_or("The image") + " of kernel " + kernel.release +
                                 ": " + sentence(reason),
                             "Run " + own_command(examination, "--rebuild") + ".");
    }
    finding.ours = true;
    const bool said = std::ranges::find(findings, finding) != findings.end();
    if (!said) findings.push_back(std::move(finding));
  }
}

void check_activity(const Examination& examination, std::vector<Finding>& findings) {
  if (!examination.status.refusals.empty() || !is_staged(examination)) return;
  std::vector<std::string> functions;
  std::vector<PciAddress> devices;
  for (const auto& device : examination.status.devices) {
    if (device.active) continue;
    devices.push_back(device.address);
    functions.push_back(device.address.str() + " (" + device.driver.value_or("no driver") +
                        ", wanted " + device.expected_driver.value_or("no driver") + ")");
  }
  if (devices.empty()) return;
  if (examination.more.booted_since != true) {
    findings.push_back(make_finding(FindingCode::reboot_needed,
                                    "Not active yet: " + enumerate(functions) + ".", "Reboot.",
                                    std::move(devices)));
    return;
  }
  const bool asked =
      std::ranges::any_of(split_words(examination.facts.command_line), [](auto word) {
        return word.starts_with("vfio-pci.ids=") || word.starts_with("vfio_pci.ids=");
      });
  if (asked) return;  // this boot was to be without
  findings.push_back(make_finding(
      FindingCode::not_active, "Not as wanted since the last boot: " + enumerate(functions) + ".",
      "Run " + own_command(examination, "--rebuild") +
          " and reboot; if it stays so, attach 'vfio-switch report' to a bug report.",
      std::move(devices)));
}

}  // namespace

void check_staging(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.interrupted) {
    auto finding =
        make_finding(FindingCode::interrupted,
                     sentence(format(kind_of(examination.interrupted->cause).text,
                                     examination.interrupted->data)),
                     "Run 'vfio-switch enable' or 'vfio-switch disable': it takes back or "
                     "finishes what was begun.");
    finding.ours = true;
    findings.push_back(std::move(finding));
    return;  // the rest is in between two states
  }
  if (examination.facts.foreign_environment) {
    findings.push_back(make_finding(FindingCode::foreign_environment,
                                    "This is " + *examination.facts.foreign_environment + ".",
                                    "Run doctor on the machine itself."));
  }
  if (examination.state.intent == Intent::unset) {
    if (examination.more.set_up_pending) {
      findings.push_back(make_finding(FindingCode::set_up_pending,
                                      "The package was installed in " +
                                          printable(*examination.more.set_up_pending) +
                                          ", and set nothing up.",
                                      "Run 'vfio-switch enable'."));
    }
    for (const auto& refusal : examination.selection.refusals) {
      if (refusal.code() != RefusalCode::ambiguous) continue;
      findings.push_back(make_finding(
          FindingCode::choose_card,
          "Several cards could be given away: " + addresses(refusal) + ".",
          "Run 'vfio-switch enable --device ADDRESS'; 'vfio-switch devices' has their names.",
          refusal.devices));
    }
    return;
  }
  check_refusals(examination, findings);
  check_kernels(examination, findings);
  check_activity(examination, findings);
}

}  // namespace vfio_switch
