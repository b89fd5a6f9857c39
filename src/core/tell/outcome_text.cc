// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/outcome_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"
#include "core/tell/phrases.h"
#include "core/tell/takers_text.h"

namespace vfio_switch {

namespace {

/// Kernels under which the functions fare alike.
struct Outcome {
  std::vector<Occupant> takers;
  std::vector<std::string> kernels = {};

  [[nodiscard]] bool is_vfio() const { return takes(takers.front()); }
  [[nodiscard]] bool is_mixed() const {
    return std::ranges::any_of(takers,
                               [&](const Occupant& one) { return takes(one) != is_vfio(); });
  }

 private:
  static bool takes(const Occupant& one) { return one.driver == "vfio-pci"; }
};

/// In the order of the kernels, those with vfio-pci first.
std::vector<Outcome> outcomes_of(const Plan& plan) {
  std::vector<std::pair<std::string, std::vector<Occupant>>> kernels;
  for (const auto& order : plan.load_order) {
    if (kernels.empty() || kernels.back().first != order.kernel)
      kernels.push_back({order.kernel, {}});
    kernels.back().second.push_back({order.device, order.winner});
  }
  std::vector<Outcome> outcomes;
  for (auto& [kernel, takers] : kernels) {
    auto same = std::ranges::find(outcomes, takers, &Outcome::takers);
    if (same == outcomes.end()) same = outcomes.insert(same, {std::move(takers)});
    same->kernels.push_back(printable(kernel));
  }
  std::ranges::stable_partition(outcomes, &Outcome::is_vfio);
  return outcomes;
}

std::string kernels_text(const std::vector<std::string>& kernels) {
  return (kernels.size() == 1 ? "kernel " : "kernels ") + enumerate(kernels);
}

/// Of the images and boot loader files that have to follow the files, and did not.
std::string stale_text(const Plan& plan, const Style& style) {
  std::string text;
  for (const auto& change : plan.diff) {
    if (const auto* rebuild = std::get_if<RebuildInitramfs>(&change)) {
      text += paragraph("",
                        {printable(rebuild->image) +
                         " is out of date: rebuild it on that system, or use --rebuild."},
                        style);
    }
    if (std::holds_alternative<BootParameters>(change)) {
      text += paragraph("",
                        {"The boot loader's files are out of date: " + action_text(change) +
                         " on that system, or use --rebuild."},
                        style);
    }
  }
  return text;
}

}  // namespace

std::string next_boot_sentence(const Plan& plan) {
  const auto outcomes = outcomes_of(plan);
  const bool proved = std::ranges::all_of(plan.load_order, &LoadOrder::proved);
  if (plan.load_order.empty() || plan.functions.empty()) return {};
  if (!proved || std::ranges::any_of(outcomes, &Outcome::is_mixed)) {
    return "Which driver takes each function at the next boot depends on the kernel, or is not "
           "known: see 'vfio-switch status'";
  }
  std::string text;
  for (const auto& outcome : outcomes) {
    const auto takers = takers_text(outcome.takers, "take");
    text += text.empty() ? "At the next boot " + takers + " (checked for " +
                               kernels_text(outcome.kernels) + ")"
                         : "; with " + kernels_text(outcome.kernels) + " " + takers;
  }
  return text;
}

std::string next_boot_sentence(const MenuProof& menu) {
  if (const auto note = note_on(menu, false)) {
    auto text = note_text(*note);
    if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() -= 'a' - 'A';
    return text;
  }
  const auto* next = menu.next_entry();
  if (next == nullptr || next->functions.empty()) return {};
  std::vector<Occupant> takers;
  for (const auto& function : next->functions) takers.push_back({function.device, function.winner});
  return "At the next boot " + takers_text(takers, "take") + " (checked for the boot menu entry '" +
         printable(next->entry.title) + "')";
}

std::string nothing_text(const Plan& plan) {
  if (!plan.diff.empty()) return "Nothing to do.\n";
  switch (plan.state.intent) {
    case Intent::enabled:
      return "Nothing to do: passthrough is set up. 'vfio-switch status' shows whether a reboot is "
             "needed.\n";
    case Intent::disabled:
      return "Nothing to do: passthrough is disabled.\n";
    case Intent::unset:
      break;
  }
  return "Nothing to do: passthrough is not configured.\n";
}

std::string done_text(const Plan& plan, bool built, const Style& style, const MenuProof* menu) {
  const auto stale = built ? "" : stale_text(plan, style);
  const bool proved = menu != nullptr && stale.empty() && !plan.functions.empty();
  const auto sentence = proved ? next_boot_sentence(*menu) : next_boot_sentence(plan);
  auto closing = std::string("Done.");
  if (!sentence.empty()) closing += " " + sentence + ".";
  closing += " ";
  closing += stale.empty() ? reboot_and_check
                           : "Until the files named above are rebuilt, this may not be so.";
  auto text = stale + paragraph("", {closing}, style);
  // Where the command line is locked, a note has said that there is no such way.
  const bool takes_card = std::ranges::any_of(plan.load_order, &LoadOrder::vfio_wins);
  if (takes_card && !plan.command_line_locked) text += escape_text(false);
  return text;
}

}  // namespace vfio_switch
