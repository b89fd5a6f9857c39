// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/card.h"
#include "core/text.h"

namespace vfio_switch {

namespace {

std::string group_text(const PciDevice& device) {
  return device.iommu_group ? "group " + std::to_string(*device.iommu_group) : "no group";
}

std::string driver_text(const std::optional<std::string>& driver) {
  return driver.value_or("no driver");
}

/// Pads to `width` columns; names are ASCII in the PCI ID database.
std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

/// "  0000:01:00.0  nouveau        group 2   NVIDIA Corporation GP108 [GeForce GT 1030]"
std::string device_line(const PciDevice& device, std::string_view mark) {
  constexpr std::size_t driver_width = 14;
  constexpr std::size_t group_width = 9;
  return std::string(mark) + device.address.str() + "  " +
         padded(driver_text(device.driver), driver_width) + " " +
         padded(group_text(device), group_width) + " " +
         (device.name.empty() ? device.id.str() : device.name) + "\n";
}

std::string refusal_line(const Refusal& refusal, std::string_view indent) {
  // The names of files and kernels are somebody else's: none may look like a line of ours.
  return std::string(indent) + std::string(to_string(refusal.code)) + ": " +
         printable(refusal.message) + "\n";
}

std::string load_order_text(const std::vector<LoadOrder>& orders) {
  std::string text;
  std::string kernel;
  for (const auto& order : orders) {
    if (order.kernel != kernel) text += "  kernel " + printable(order.kernel) + "\n";
    kernel = order.kernel;
    const auto winner = order.winner.value_or("no driver");
    text += "    " + order.device.str() + "  " + winner;
    if (order.stage == Stage::image) text += " in the initramfs";
    if (order.contenders.size() > 1) text += "  (" + join(order.contenders, ", then ") + ")";
    if (!order.proved) text += "  NOT PROVED: " + printable(order.reason);
    text += "\n";
  }
  return text;
}

std::string indented(std::string_view content, std::string_view prefix) {
  std::string text;
  for (const auto line : split_lines(content)) {
    text += std::string(prefix) + std::string(line) + "\n";
  }
  return text;
}

std::string change_text(const Change& change, bool verbose) {
  const auto* file = std::get_if<FileChange>(&change);
  std::string text = "  " + printable(describe(change) + "  (" + reason_of(change) + ")") + "\n";
  if (file == nullptr || !verbose) return text;
  if (const auto* after = std::get_if<RegularFile>(&file->after)) {
    text += indented(after->content, "    | ");
  }
  return text;
}

std::string next_boot_sentence(NextBoot next_boot) {
  switch (next_boot) {
    case NextBoot::vfio:
      return "vfio-pci takes the card";
    case NextBoot::host:
      return "the host's drivers take the card";
    case NextBoot::mixed:
      return "differs between kernels or functions; see 'vfio-switch plan'";
  }
  return {};
}

std::string next_step(const Status& status) {
  const bool staged = std::ranges::all_of(
      status.kernels, [](const KernelStatus& kernel) { return kernel.staged != false; });
  const bool active = std::ranges::all_of(status.devices, &DeviceStatus::active);
  if (status.intent == Intent::unset) {
    return status.devices.empty() ? "'vfio-switch devices' says who could be given away."
                                  : "'vfio-switch enable' gives this card to virtual machines.";
  }
  const std::string verb = status.intent == Intent::enabled ? "enable" : "disable";
  if (!status.refusals.empty()) return "Mend that first, then run 'vfio-switch " + verb + "'.";
  if (!staged) return "Run 'vfio-switch " + verb + " --rebuild'.";
  return active ? "Nothing to do." : "Reboot.";
}

}  // namespace

std::string devices_text(const SystemFacts& facts, const Selection& selection) {
  std::string text =
      facts.iommu_enabled ? "" : "The IOMMU is off: nothing can be given away yet.\n";
  std::set<std::vector<PciAddress>> shown;
  for (const auto& gpu : selection.gpus) {
    if (!shown.insert(gpu.functions).second) continue;
    for (const auto& address : gpu.functions) {
      text += device_line(*find_device(facts, address), address == gpu.gpu ? "" : "  ");
    }
    if (gpu.eligible()) {
      text += gpu.selected ? "    can be given away, and is the one that is chosen\n"
                           : "    can be given away\n";
    }
    for (const auto& refusal : gpu.refusals) text += refusal_line(refusal, "    ");
  }
  if (selection.gpus.empty()) return text + "This machine has no graphics card.\n";
  if (selection.refusals.empty() && !selection.functions.empty()) {
    return text + "\nNext: 'vfio-switch plan enable' shows what enable would do.\n";
  }
  const bool choice = std::ranges::any_of(selection.refusals, [](const Refusal& refusal) {
    return refusal.code == RefusalCode::ambiguous;
  });
  if (choice) text += "\nNext: choose one with 'vfio-switch enable --device ADDRESS'.\n";
  return text;
}

std::string plan_text(const SystemFacts& facts, const Plan& plan, bool verbose) {
  std::string text;
  if (!plan.functions.empty()) text += "Card\n";
  for (const auto& address : plan.functions)
    text += device_line(*find_device(facts, address), "  ");
  for (const auto& note : plan.notes) text += "Note: " + printable(note) + ".\n";
  if (!plan.refusals.empty()) return text + refusals_text(plan);
  if (!plan.load_order.empty()) {
    text += "Who gets it, asked of libkmod\n" + load_order_text(plan.load_order);
  }
  if (plan.diff.empty()) return text + "Nothing to do.\n";
  text += "Changes\n";
  for (const auto& change : plan.diff) text += change_text(change, verbose);
  return text;
}

std::string status_text(const SystemFacts& facts, const Status& status) {
  std::string text = "Wanted     passthrough ";
  text += status.intent == Intent::unset ? "was never enabled"
                                         : "is " + std::string(to_string(status.intent));
  text += "\n";
  for (const auto& refusal : status.refusals) text += refusal_line(refusal, "           ");
  for (const auto& note : status.notes) text += "Note       " + printable(note) + ".\n";
  for (const auto& kernel : status.kernels) {
    if (status.intent == Intent::unset) break;
    std::string_view answer = "unknown";
    if (kernel.staged) answer = *kernel.staged ? "yes" : "no";
    text += "Staged     " + printable(kernel.release) + ": " + std::string(answer) +
            printable(kernel.reason.empty() ? "" : ", " + kernel.reason) + "\n";
  }
  for (const auto& device : status.devices) {
    text += "Active     " + device.address.str() + " " + driver_text(device.driver);
    if (status.intent != Intent::unset && !device.active) {
      text += ", wanted " + driver_text(device.expected_driver);
    }
    text += "  " + find_device(facts, device.address)->name + "\n";
  }
  if (!status.devices.empty()) text += "Next boot  " + next_boot_sentence(status.next_boot) + "\n";
  return text + next_step(status) + "\n";
}

std::string refusals_text(const Plan& plan) {
  constexpr std::size_t most = 3;
  std::string text = "Nothing was changed, because:\n";
  for (std::size_t i = 0; i < std::min(most, plan.refusals.size()); ++i) {
    text += refusal_line(plan.refusals[i], "  ");
    text += indented(plan.refusals[i].difference, "    ");
  }
  if (plan.refusals.size() > most) {
    text += "  and " + std::to_string(plan.refusals.size() - most) +
            " more reasons; 'vfio-switch devices' has them all.\n";
  } else {
    text += "'vfio-switch devices' shows every graphics card.\n";
  }
  return text;
}

std::string error_text(const Error& error) {
  return "vfio-switch: " + error.message + "\n" +
         (error.remedy.empty() ? "" : "  " + error.remedy + "\n");
}

}  // namespace vfio_switch
