// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"

namespace vfio_switch {

namespace {

constexpr std::string_view prime_profile = "/etc/prime-discrete";
constexpr std::uint16_t nvidia = 0x10de;

void check_screen(const Examination& examination, std::vector<Finding>& findings) {
  const auto& facts = examination.facts;
  bool claimed = false;
  for (const auto& claim : facts.display_claims) {
    if (!is_in_question(examination, claim.address) || claim.where.path == prime_profile) continue;
    claimed = true;
    findings.push_back(make_finding(
        FindingCode::display_config,
        claim.where.str() + " gives " + claim.address.str() + " to the host's display.",
        "Remove that line, or name the GPU that stays with the host.", {claim.address}));
  }
  const auto refusals = refusals_in_question(examination);
  const auto first = [&](RefusalCode code) {
    return std::ranges::find(refusals, code, &Refusal::code);
  };
  const auto has = [&](RefusalCode code) { return first(code) != refusals.end(); };
  for (const auto& refusal : refusals) {
    const auto found = sentence(format(kind_of(refusal.cause).text, refusal.data));
    if (refusal.code() == RefusalCode::only_gpu && refusal == *first(RefusalCode::only_gpu)) {
      findings.push_back(make_finding(
          FindingCode::no_second_gpu, found,
          "Add a second graphics card, or turn on the processor's graphics in the firmware's "
          "set-up; a host without a screen takes 'vfio-switch enable --allow-boot-gpu'.",
          refusal.devices));
    } else if (refusal.code() == RefusalCode::boot_gpu && !has(RefusalCode::only_gpu)) {
      findings.push_back(make_finding(
          FindingCode::boot_display_on_card,
          describe(*find_device(facts, refusal.devices.front())) + " drives the boot display.",
          "Choose the other GPU as the primary one in the firmware's set-up, and put the monitor "
          "there; or 'vfio-switch enable --allow-boot-gpu'.",
          refusal.devices));
    } else if (refusal.code() == RefusalCode::display_in_use && !claimed &&
               examination.more.prime_profile.empty() && !has(RefusalCode::boot_gpu)) {
      findings.push_back(make_finding(
          FindingCode::monitor_on_card, found,
          "Connect a monitor to a GPU that stays with the host, and see that its driver is loaded; "
          "or 'vfio-switch enable --allow-display-in-use'.",
          refusal.devices));
    } else if (refusal.code() == RefusalCode::in_use) {
      findings.push_back(make_finding(FindingCode::used_by_host, found,
                                      "Connect it to something that stays with the host.",
                                      refusal.devices));
    }
  }
}

void check_framebuffer(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& framebuffer : examination.more.framebuffers) {
    if (!is_in_question(examination, framebuffer.address)) continue;
    findings.push_back(make_finding(
        FindingCode::framebuffer_on_card,
        "The firmware's framebuffer (" + printable(framebuffer.driver) + ") is on " +
            framebuffer.address.str() + ".",
        "Choose the other GPU as the primary one in the firmware's set-up. Where that is not "
        "possible: " +
            how_to_add_parameter(examination, "initcall_blacklist=sysfb_init") +
            " The host has no picture then until its own driver loads.",
        {framebuffer.address}));
  }
}

void check_prime(const Examination& examination, std::vector<Finding>& findings) {
  const auto& profile = examination.more.prime_profile;
  const bool expects = profile == "on" || profile == "nvidia" || profile == "on-demand";
  const auto gpus = gpus_in_question(examination);
  const auto gpu =
      std::ranges::find_if(gpus, [](const PciDevice* one) { return one->id.vendor == nvidia; });
  if (!expects || gpu == gpus.end()) return;
  auto finding = make_finding(FindingCode::prime_mode,
                              std::string(prime_profile) + ":1 says '" + printable(profile) +
                                  "': programs are to render on " + describe(**gpu) + ".",
                              "Run 'prime-select intel', and log in again.", {(*gpu)->address});
  finding.severity = profile == "on-demand" ? severity_once_wanted(examination) : Severity::problem;
  findings.push_back(std::move(finding));
}

void check_compositors(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& setting : examination.more.compositors) {
    if (!is_in_question(examination, setting.address)) continue;
    auto finding = make_finding(
        FindingCode::compositor_setting,
        setting.where + " has " + setting.setting + " name " + setting.address.str() + ".",
        "Name the host's GPU there, by /dev/dri/by-path: the numbers of /dev/dri/cardN change.",
        {setting.address});
    if (!is_passthrough_wanted(examination)) finding.severity = Severity::warning;
    findings.push_back(std::move(finding));
  }
}

}  // namespace

void check_display(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.functions.empty()) {
    if (!examination.state.cards.empty()) return;  // card-missing says it
    findings.push_back(
        make_finding(FindingCode::no_second_gpu,
                     examination.selection.gpus.empty()
                         ? "This machine has no graphics card."
                         : "This machine has no graphics card beside the one that the host needs.",
                     "Add a graphics card."));
    return;
  }
  check_screen(examination, findings);
  check_framebuffer(examination, findings);
  check_prime(examination, findings);
  check_compositors(examination, findings);
}

}  // namespace vfio_switch
