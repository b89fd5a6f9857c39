// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "core/cards/isolation.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"
#include "core/machine/display_config.h"

namespace vfio_switch {

namespace {

constexpr std::uint16_t nvidia = 0x10de;

/// Takes the card of `gpu` all the same, with which the host loses its screen.
Remedy enable_with(const PciAddress& gpu, const char* option) {
  return {Manual{ByHand::accept_no_screen}, Manual{ByHand::keep_other_access},
          own_command({"enable", "--device", gpu.str(), option})};
}

void check_claims(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& claim : examination.facts.display_claims) {
    if (!is_in_question(examination, claim.address) || claim.where.path == prime_profile_path)
      continue;
    findings.push_back(make_finding(FindingCause::display_config,
                                    {{"place", claim.where}, {"device", claim.address}},
                                    {end_of_claim(claim)}, {claim.address}));
  }
}

Finding boot_display(const PciAddress& gpu) {
  Remedy remedy = {Manual{ByHand::choose_primary_gpu}, Manual{ByHand::move_monitor}};
  add_way(remedy, enable_with(gpu, "--allow-boot-gpu"));
  return make_finding(FindingCause::boot_display_on_card, {{"device", gpu}}, std::move(remedy),
                      {gpu});
}

Finding only_display(const PciAddress& gpu) {
  Remedy remedy = {Manual{ByHand::add_gpu}};
  add_way(remedy, enable_with(gpu, "--allow-boot-gpu"));
  return make_finding(FindingCause::only_display, {{"device", gpu}}, std::move(remedy), {gpu});
}

Finding monitor_on_card(const Refusal& refusal) {
  auto remedy = refusal.remedy;
  add_way(remedy, enable_with(refusal.devices.front(), "--allow-display-in-use"));
  return repeat_refusal(FindingCause::monitor_on_card, refusal, std::move(remedy));
}

void check_screen(const Examination& examination, std::vector<Finding>& findings) {
  check_claims(examination, findings);
  const bool claimed = std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.cause == FindingCause::display_config;
  });
  const auto refusals = refusals_in_question(examination);
  const auto first = [&](RefusalCode code) {
    return std::ranges::find(refusals, code, &Refusal::code);
  };
  const auto has = [&](RefusalCode code) { return first(code) != refusals.end(); };
  for (const auto& refusal : refusals) {
    if (refusal.code() == RefusalCode::only_gpu && refusal == *first(RefusalCode::only_gpu)) {
      findings.push_back(only_display(refusal.devices.front()));
    } else if (refusal.code() == RefusalCode::boot_gpu && !has(RefusalCode::only_gpu)) {
      findings.push_back(boot_display(refusal.devices.front()));
    } else if (refusal.code() == RefusalCode::display_in_use && !claimed &&
               examination.more.prime_profile.empty() && !has(RefusalCode::boot_gpu)) {
      findings.push_back(monitor_on_card(refusal));
    } else if (refusal.code() == RefusalCode::in_use) {
      findings.push_back(repeat_refusal(FindingCause::used_by_host, refusal,
                                        {Manual{ByHand::move_keyboard_or_disk}}));
    }
  }
}

void check_framebuffer(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& framebuffer : examination.more.framebuffers) {
    if (!is_in_question(examination, framebuffer.address)) continue;
    Remedy remedy = {Manual{ByHand::choose_primary_gpu}};
    // The host shows nothing then until its own driver is loaded.
    Remedy other = {Manual{ByHand::keep_other_access}};
    add_steps(other, adding(examination, "initcall_blacklist=sysfb_init"));
    add_way(remedy, std::move(other));
    findings.push_back(
        make_finding(FindingCause::framebuffer_on_card,
                     {{"driver", Word{framebuffer.driver}}, {"device", framebuffer.address}},
                     std::move(remedy), {framebuffer.address}));
  }
}

void check_prime(const Examination& examination, std::vector<Finding>& findings) {
  const auto& profile = examination.more.prime_profile;
  const bool expects = profile == "on" || profile == "nvidia" || profile == "on-demand";
  const auto gpus = gpus_in_question(examination);
  const auto gpu =
      std::ranges::find_if(gpus, [](const PciDevice* one) { return one->id.vendor == nvidia; });
  if (!expects || gpu == gpus.end()) return;
  auto finding =
      make_finding(FindingCause::prime_mode,
                   {{"place", Place{std::string(prime_profile_path), 1}},
                    {"profile", Word{profile}},
                    {"device", (*gpu)->address}},
                   {select_integrated_gpu(), Manual{ByHand::log_in_again}}, {(*gpu)->address});
  finding.severity = profile == "on-demand" ? severity_once_wanted(examination) : Severity::problem;
  findings.push_back(std::move(finding));
}

void check_compositors(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& setting : examination.more.compositors) {
    if (!is_in_question(examination, setting.address)) continue;
    const Place place{setting.line.path, setting.line.line};
    auto finding = make_finding(
        FindingCause::compositor_setting,
        {{"setting", Word{setting.setting}}, {"place", place}, {"device", setting.address}},
        {Edit{place, setting.line.text, {}}, Manual{ByHand::log_in_again}}, {setting.address});
    if (!is_passthrough_wanted(examination)) finding.severity = Severity::warning;
    findings.push_back(std::move(finding));
  }
}

}  // namespace

void check_display(const Examination& examination, std::vector<Finding>& findings) {
  if (examination.functions.empty()) {
    if (!examination.state.cards.empty()) return;  // card-missing says it
    const auto cause = examination.selection.gpus.empty() ? FindingCause::no_graphics_card
                                                          : FindingCause::no_other_card;
    findings.push_back(make_finding(cause, {}, {Manual{ByHand::add_gpu}}));
    return;
  }
  check_screen(examination, findings);
  check_framebuffer(examination, findings);
  check_prime(examination, findings);
  check_compositors(examination, findings);
}

}  // namespace vfio_switch
