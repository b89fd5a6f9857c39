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
  const auto& reason = file != nullptr ? file->reason : std::get<RebuildInitramfs>(change).reason;
  std::string text = "  " + printable(describe(change) + "  (" + reason + ")") + "\n";
  if (file == nullptr || !verbose) return text;
  if (const auto* after = std::get_if<RegularFile>(&file->after)) {
    text += indented(after->content, "    | ");
  }
  return text;
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
