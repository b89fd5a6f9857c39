// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/plan_text.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "core/base/line_diff.h"
#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/message/format.h"
#include "core/tell/message_text.h"
#include "core/tell/outcome_text.h"
#include "core/tell/remedy_text.h"

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

/// "  code: sentence", and what to do about it below.
std::string refusal_lines(const Refusal& refusal, std::string_view indent) {
  auto text = std::string(indent) + std::string(to_string(refusal.code())) + ": " +
              refusal_text(refusal) + "\n";
  return text + remedy_lines(refusal.remedy, std::string(indent) + "  ", {});
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
    if (!order.proved) text += "  not proved: " + reason_text(order.reason.value_or(Reason()));
    text += "\n";
  }
  return text;
}

/// A unified diff, to which colour adds nothing that its first column does not say.
std::string difference_text(std::string_view difference, std::string_view indent,
                            const Style& style) {
  std::string text;
  for (const auto line : split_lines(difference)) {
    auto tone = Tone::plain;
    if (line.starts_with("--- ") || line.starts_with("+++ ")) {
      tone = Tone::heading;
    } else if (line.starts_with('+')) {
      tone = Tone::good;
    } else if (line.starts_with('-')) {
      tone = Tone::bad;
    } else if (line.starts_with("@@")) {
      tone = Tone::faint;
    }
    text += std::string(indent) + toned(line, tone, style) + "\n";
  }
  return text;
}

/// How a file becomes what it will be; /dev/null stands for one that is not there.
std::string file_difference(const FileChange& change) {
  const auto* before = std::get_if<RegularFile>(&change.before);
  const auto* after = std::get_if<RegularFile>(&change.after);
  const std::string nothing = "/dev/null";
  return unified_diff(before != nullptr ? before->content : "",
                      after != nullptr ? after->content : "",
                      before != nullptr ? printable(change.path) : nothing,
                      after != nullptr ? printable(change.path) : nothing);
}

std::string change_text(const Change& change, bool details, const Style& style) {
  const auto* file = std::get_if<FileChange>(&change);
  std::string text = "  " + action_text(change) + "  (" + reason_text(reason_of(change)) + ")\n";
  if (file == nullptr || !details) return text;
  return text + difference_text(file_difference(*file), "    ", style);
}

/// The card, and below it what goes with it.
std::string functions_text(const SystemFacts& facts, const Plan& plan) {
  std::string card;
  std::string extra;
  for (const auto& address : plan.functions) {
    auto& text = is_extra(plan.state, address) ? extra : card;
    text += device_line(*find_device(facts, address), "  ");
  }
  return (card.empty() ? "" : "Card\n" + card) + (extra.empty() ? "" : "With the card\n" + extra);
}

}  // namespace

std::string plan_text(const SystemFacts& facts, const Plan& plan, bool details,
                      const Style& style) {
  std::string text;
  text += functions_text(facts, plan);
  text += notes_text(plan.notes);
  if (!plan.refusals.empty()) {
    return text + refusals_text(plan, "The change would be refused, because:", style);
  }
  if (!plan.load_order.empty()) {
    text += "Driver that will bind, according to libkmod\n" + load_order_text(plan.load_order);
  }
  if (plan.diff.empty()) return text + nothing_text(plan);
  text += "Changes\n";
  for (const auto& change : plan.diff) text += change_text(change, details, style);
  return text;
}

namespace {

/// True where the list of cards shows more, and no remedy has named it.
bool is_list_of_help(const std::vector<Refusal>& refusals) {
  static const std::vector<std::string> list = {"vfio-switch", "devices"};
  const auto is_list = [](const RemedyStep& step) {
    const auto* run = std::get_if<Run>(&step);
    return run != nullptr &&
           std::ranges::equal(run->command.arguments | std::views::take(list.size()), list);
  };
  const auto names_list = [&](const Refusal& refusal) {
    return std::ranges::any_of(refusal.remedy, is_list);
  };
  const auto is_about_card = [](const Refusal& refusal) { return is_about_cards(refusal.code()); };
  return std::ranges::any_of(refusals, is_about_card) && std::ranges::none_of(refusals, names_list);
}

}  // namespace

std::string refusals_text(const Plan& plan, std::string_view heading, const Style& style) {
  constexpr std::size_t most = 3;
  auto text = std::string(heading) + "\n";
  for (std::size_t i = 0; i < std::min(most, plan.refusals.size()); ++i) {
    text += refusal_lines(plan.refusals[i], "  ");
    text += difference_text(plan.refusals[i].difference, "    ", style);
  }
  if (plan.refusals.size() > most) {
    const Count more{static_cast<long long>(plan.refusals.size() - most)};
    text += "  " +
            format({"and {1} more reason, which --json shows",
                    "and {1} more reasons, which --json shows", 1},
                   {{"more", more}}) +
            "\n";
  } else if (is_list_of_help(plan.refusals)) {
    text += "'vfio-switch devices' shows every graphics card.\n";
  }
  return text;
}

std::string notes_text(const std::vector<Note>& notes) {
  std::string text;
  for (const auto& note : notes) {
    text += "Note: " + note_text(note) + ".\n";
    text += remedy_lines(note.remedy, "  ", {});
  }
  return text;
}

std::string error_text(const Error& error, std::string_view severity) {
  return "vfio-switch: " + std::string(severity) + error.message + "\n" +
         (error.remedy.empty() ? "" : "  " + error.remedy + "\n");
}

}  // namespace vfio_switch
