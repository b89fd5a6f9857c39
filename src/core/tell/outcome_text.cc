// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/outcome_text.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "core/base/text.h"
#include "core/tell/boot_text.h"
#include "core/tell/message_text.h"
#include "core/tell/phrases.h"

namespace vfio_switch {

namespace {

/// Kernels, by what they do with every function of the card.
struct Outcomes {
  std::vector<std::string> vfio;
  std::vector<std::string> host;
  bool mixed = false;  ///< some kernel treats the functions differently
};

Outcomes outcomes_of(const Plan& plan) {
  std::map<std::string, std::set<bool>> wins;
  for (const auto& order : plan.load_order) wins[order.kernel].insert(order.vfio_wins());
  Outcomes outcomes;
  for (const auto& [kernel, results] : wins) {
    if (results.size() > 1) outcomes.mixed = true;
    (*results.begin() ? outcomes.vfio : outcomes.host).push_back(printable(kernel));
  }
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
  if (!proved || outcomes.mixed) {
    return "Which driver takes each function at the next boot depends on the kernel, or is not "
           "known: see 'vfio-switch status'";
  }
  std::vector<std::string> functions;
  for (const auto& address : plan.functions) functions.push_back(address.str());
  const auto& who = outcomes.vfio.empty() ? outcomes.host : outcomes.vfio;
  auto text = "At the next boot " +
              std::string(outcomes.vfio.empty() ? "the host's drivers" : "vfio-pci") +
              " will take " + enumerate(functions) + " (checked for " + kernels_text(who) + ")";
  if (!outcomes.vfio.empty() && !outcomes.host.empty()) {
    text += "; with " + kernels_text(outcomes.host) + " the host's drivers will";
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
  std::map<std::string, std::vector<std::string>> takers;
  for (const auto& function : next->functions) {
    const bool vfio = function.winner == "vfio-pci";
    takers[vfio ? "vfio-pci" : "the host's drivers"].push_back(function.device.str());
  }
  std::vector<std::string> parts;
  for (const auto& [taker, functions] : takers) {
    parts.push_back(taker + " will take " + enumerate(functions));
  }
  return "At the next boot " + enumerate(parts) + " (checked for the boot menu entry '" +
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
