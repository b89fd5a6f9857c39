// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/devices_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/message/format.h"
#include "core/plan/boot_plan.h"
#include "core/tell/message_text.h"
#include "core/tell/remedy_text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t most_strangers = 8;  // devices of a group that belong to no card

using Group = std::optional<unsigned>;

struct Tree {
  std::map<Group, std::vector<const PciDevice*>> groups;
  std::set<PciAddress> card_functions;      ///< of any graphics card
  std::set<PciAddress> eligible_functions;  ///< of one that can be passed through
  std::size_t driver_width = 0;
};

std::string driver_text(const PciDevice& device) {
  return printable(device.driver.value_or("no driver"));
}

std::string name_text(const PciDevice& device) {
  return printable(device.name.empty() ? device.id.str() : device.name);
}

Tree make_tree(const SystemFacts& facts, const Selection& selection) {
  Tree tree;
  for (const auto& gpu : selection.gpus) {
    tree.card_functions.insert(gpu.functions.begin(), gpu.functions.end());
    if (gpu.eligible()) tree.eligible_functions.insert(gpu.functions.begin(), gpu.functions.end());
  }
  for (const auto& device : facts.devices) {
    tree.groups[device.iommu_group].push_back(&device);
    if (tree.card_functions.contains(device.address)) {
      tree.driver_width = std::max(tree.driver_width, columns(driver_text(device)));
    }
  }
  return tree;
}

std::string group_title(const Group& group) {
  return group ? "IOMMU group " + std::to_string(*group) : "No IOMMU group";
}

/// "  * 0000:01:00.0  nouveau  NVIDIA Corporation GP108 [GeForce GT 1030]"
std::string device_line(const PciDevice& device, const Tree& tree, const Style& style) {
  const bool eligible = tree.eligible_functions.contains(device.address);
  auto driver = driver_text(device);
  driver.append(tree.driver_width - std::min(tree.driver_width, columns(driver)), ' ');
  return paragraph((eligible ? "  * " : "    ") + device.address.str() + "  " + driver + "  ",
                   {name_text(device), eligible ? Tone::good : Tone::plain}, style);
}

constexpr std::string_view indent = "      ";

/// `helps`: what would turn a refusal round is told as well.
std::string refusals_below(const std::vector<Refusal>& refusals, bool helps, const Style& style) {
  std::string text;
  for (const auto& refusal : refusals) {
    text += paragraph(std::string(indent) + std::string(to_string(refusal.code())) + ": ",
                      {refusal_text(refusal)}, style);
    if (helps) text += remedy_lines(refusal.remedy, std::string(indent) + "  ", style);
  }
  return text;
}

std::string candidate_text(const SystemFacts& facts, const Candidate& gpu, bool helps,
                           const Style& style) {
  if (gpu.eligible()) {
    std::set<unsigned> groups;
    for (const auto& address : gpu.functions) {
      groups.insert(find_device(facts, address)->iommu_group.value_or(0));
    }
    std::vector<std::string> numbers;
    for (const auto group : groups) numbers.push_back(std::to_string(group));
    std::string text = "can be passed through";
    if (numbers.size() > 1) text += " (IOMMU groups " + enumerate(numbers) + ")";
    if (gpu.selected) text += "; this card is selected";
    return paragraph(indent, {text, Tone::good}, style);
  }
  return refusals_below(gpu.refusals, helps, style);
}

/// The verdict on each card whose GPU is in this group, below the card's last function in it.
std::string verdicts_below(const SystemFacts& facts, const Selection& selection,
                           const PciDevice& device, bool helps, const Style& style) {
  std::string text;
  std::set<std::vector<PciAddress>> told;  // several GPUs may be on one card
  for (const auto& gpu : selection.gpus) {
    if (find_device(facts, gpu.gpu)->iommu_group != device.iommu_group) continue;
    const auto last = std::ranges::find_if(
        gpu.functions.rbegin(), gpu.functions.rend(), [&](const PciAddress& address) {
          return find_device(facts, address)->iommu_group == device.iommu_group;
        });
    if (*last != device.address || !told.insert(gpu.functions).second) continue;
    text += candidate_text(facts, gpu, helps, style);
  }
  return text;
}

/// The devices of a group. Bridges never prevent passthrough and are only counted, as are devices
/// that belong to no card from the ninth on.
std::string group_text(const SystemFacts& facts, const Selection& selection, const Tree& tree,
                       const Group& group, bool whole, const Style& style) {
  std::string text;
  std::size_t strangers = 0;
  std::size_t bridges = 0;
  for (const auto* device : tree.groups.at(group)) {
    if (!whole && !tree.card_functions.contains(device->address)) {
      if (!group) continue;  // "no group" is not a group: these devices do not belong together
      if (device->device_class.is_bridge()) {
        ++bridges;
        continue;
      }
      if (++strangers > most_strangers) continue;
    }
    // Where one card can be passed through, the others are better left to the host.
    const bool helps = whole || tree.eligible_functions.empty();
    text +=
        device_line(*device, tree, style) + verdicts_below(facts, selection, *device, helps, style);
  }
  std::vector<std::string> more;
  if (strangers > most_strangers) {
    const auto rest = strangers - most_strangers;
    more.push_back(std::to_string(rest) + (rest == 1 ? " more device" : " more devices"));
  }
  if (bridges > 0) {
    more.push_back(std::to_string(bridges) + (bridges == 1 ? " bridge" : " bridges"));
  }
  if (more.empty()) return text;
  return text + paragraph("    ", {"and " + enumerate(more), Tone::faint}, style);
}

std::string extra_text(const SystemFacts& facts, const std::vector<ExtraCandidate>& extra,
                       bool helps, const Style& style) {
  auto text = toned("Devices that can be passed through with the card (--add-device)",
                    Tone::heading, style) +
              "\n";
  if (extra.empty()) text += std::string(indent) + "none\n";
  std::size_t width = 0;
  for (const auto& one : extra) {
    width = std::max(width, columns(driver_text(*find_device(facts, one.address))));
  }
  for (const auto& one : extra) {
    const auto& device = *find_device(facts, one.address);
    const bool eligible = one.refusals.empty();
    auto driver = driver_text(device);
    driver.append(width - columns(driver), ' ');
    text += paragraph("    " + one.address.str() + "  " + driver + "  ",
                      {name_text(device), eligible ? Tone::good : Tone::plain}, style);
    const std::string verdict = one.selected ? "can be added; it is selected" : "can be added";
    text += eligible ? paragraph(indent, {verdict, Tone::good}, style)
                     : refusals_below(one.refusals, helps, style);
  }
  return text;
}

std::string next_step(const Selection& selection, const Style& style) {
  if (selection.refusals.empty() && !selection.functions.empty()) {
    return "\n" +
           paragraph("Next: ", {"run 'vfio-switch plan enable' to see what enable would do."},
                     style);
  }
  const auto choice = std::ranges::find_if(selection.refusals, [](const Refusal& refusal) {
    return refusal.code() == RefusalCode::ambiguous ||
           refusal.cause == RefusalCause::boot_gpu_unknown;
  });
  if (choice == selection.refusals.end()) {
    if (selection.gpus.empty()) return {};
    return "\n" +
           paragraph("Next: ", {"run 'vfio-switch doctor' to see what would have to change."},
                     style);
  }
  auto text =
      "\n" + paragraph("Next: ", {"choose a card, and see what enable would do with it:"}, style);
  for (const auto& gpu : choice->devices) {
    const auto plan = own_command({"plan", "enable", "--device", gpu.str()});
    text += "  " + command_text(plan.command) + "\n";
  }
  return text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

/// A function's box. One that can be passed through has a double frame and a colour, and its text
/// says so too.
std::string dot_node(const PciDevice& device, const Tree& tree, const Selection& selection) {
  const auto address = device.address.str();
  std::string label =
      address + "\\n" + escaped(name_text(device)) + "\\n" + escaped(driver_text(device));
  std::string look;
  if (device.device_class.is_bridge()) look = ", style=rounded";
  if (tree.eligible_functions.contains(device.address)) {
    label += "\\ncan be passed through";
    look = R"(, style=filled, fillcolor="#d5f5d5", peripheries=2)";
  }
  for (const auto& gpu : selection.gpus) {
    if (gpu.gpu != device.address || gpu.eligible()) continue;
    std::vector<std::string> codes;
    for (const auto& refusal : gpu.refusals) codes.emplace_back(to_string(refusal.code()));
    label += "\\nrefused: " + join(codes, ", ");
  }
  return "\"" + address + "\" [label=\"" + label + "\"" + look + "];\n";
}

}  // namespace

std::string devices_text(const SystemFacts& facts, const Selection& selection,
                         const std::optional<std::vector<ExtraCandidate>>& extra, bool whole,
                         const Style& style) {
  const auto tree = make_tree(facts, selection);
  std::string text;
  if (!facts.iommu_enabled) {
    text =
        paragraph("", {"The IOMMU is off: no card can be passed through yet.", Tone::bad}, style);
  }
  if (const auto note = acs_note(facts)) {
    text += paragraph("Note: ", {note_text(*note), Tone::attention}, style);
  }
  if (!tree.eligible_functions.empty()) {
    text += paragraph(
        "", {"Functions marked * belong to a card that can be passed through.", Tone::faint},
        style);
  }
  for (const auto& [group, devices] : tree.groups) {
    // Of a card that is refused only the group of its GPU is shown.
    const bool matters = std::ranges::any_of(devices, [&](const PciDevice* device) {
      return tree.eligible_functions.contains(device->address) ||
             std::ranges::find(selection.gpus, device->address, &Candidate::gpu) !=
                 selection.gpus.end();
    });
    if (!whole && !matters) continue;
    if (!text.empty()) text += "\n";
    text += toned(group_title(group), Tone::heading, style) + "\n";
    text += group_text(facts, selection, tree, group, whole, style);
  }
  if (selection.gpus.empty()) text += "This machine has no graphics card.\n";
  if (extra) text += "\n" + extra_text(facts, *extra, whole, style);
  return text + next_step(selection, style);
}

std::string devices_dot(const SystemFacts& facts, const Selection& selection) {
  const auto tree = make_tree(facts, selection);
  std::string text =
      "digraph \"PCI functions, bridges and IOMMU groups\" {\n"
      "  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n"
      "  graph [fontname=\"sans-serif\"];\n";
  for (const auto& [group, devices] : tree.groups) {
    if (group) {
      text += "  subgraph \"cluster_" + std::to_string(*group) + "\" {\n    label=\"" +
              group_title(group) + "\";\n";
    }
    for (const auto* device : devices) {
      text += (group ? "    " : "  ") + dot_node(*device, tree, selection);
    }
    if (group) text += "  }\n";
  }
  for (const auto& device : facts.devices) {
    const auto above = device.bridges.empty() ? "PCI domain " + to_hex(device.address.domain, 4)
                                              : device.bridges.back().str();
    text += "  \"" + above + "\" -> \"" + device.address.str() + "\";\n";
  }
  return text + "}\n";
}

}  // namespace vfio_switch
