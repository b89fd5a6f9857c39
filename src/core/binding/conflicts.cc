// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/conflicts.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

void find_kernel_conflicts(const SystemFacts& facts, Binding binding,
                           std::vector<Refusal>& refusals) {
  const bool none = std::ranges::all_of(
      facts.kernels, [](const Kernel& kernel) { return kernel.vfio_pci == ModuleForm::missing; });
  if (none && facts.kernels.empty()) {
    refusals.push_back({RefusalCause::no_kernel, {}, {Manual{ByHand::install_kernel}}});
  } else if (none) {
    refusals.push_back({RefusalCause::no_vfio_module, {}, {Manual{ByHand::install_kernel}}});
  }
  if (binding == Binding::ids)
    return;  // the kernel command line reaches it: with_boot_parameters()
  for (const auto& kernel : facts.kernels) {
    if (kernel.vfio_pci != ModuleForm::built_in) continue;
    refusals.push_back({RefusalCause::vfio_built_in,
                        {{"kernel", Word{kernel.release}}},
                        {Manual{ByHand::install_kernel}}});
  }
}

/// The default entry's, where the menu tells it: what somebody typed for this one boot ends with
/// it.
const std::string& next_command_line(const SystemFacts& facts) {
  const auto& menu = facts.boot_menu;
  if (!menu.default_entry) return facts.command_line;
  const auto& line = menu.entries[*menu.default_entry].command_line;
  return line ? *line : facts.command_line;
}

/// vfio-pci.ids= on the command line is appended after the files' options, and the last one wins.
/// The bind script takes any for the request to do nothing.
void find_parameter_conflict(const SystemFacts& facts, const std::set<PciId>& ids, Binding binding,
                             std::vector<Refusal>& refusals) {
  std::optional<std::string_view> last;
  for (const auto word : split_words(next_command_line(facts), " \t\n")) {
    if (ids_parameter(word)) last = word;
  }
  if (!last) return;
  if (binding == Binding::ids && ids_parameter(*last)->cover(VfioIds(ids))) return;
  const Data data = {{"parameter", Parameter{std::string(*last)}}};
  refusals.push_back(
      {RefusalCause::command_line_ids, data, {Manual{ByHand::remove_from_boot_loader, data}}});
}

/// True if `options` gives vfio-pci ids that matter: all of them where ours are given in the same
/// way, since the last ones win; by address those of the card, which a device that stays may have.
bool gives_ids(std::string_view options, const std::set<PciId>& ids, Binding binding) {
  const auto given = ids_option(options);
  if (!given) return false;
  return binding == Binding::ids || given->without(ids) != *given;
}

bool works_against(const ModprobeDirective& line, const std::set<PciId>& ids, Binding binding) {
  if (line.command == "blacklist") return line.names(vfio_pci);
  if (line.command == "install") return line.is_about(vfio_pci);
  if (line.command == "options") {
    return line.names(vfio_pci) && gives_ids(line.arguments, ids, binding);
  }
  // A softdep switches the install command off, and with it the bind script.
  return binding == Binding::address && line.command == "softdep" && line.is_about(vfio_pci);
}

}  // namespace

std::vector<Refusal> find_conflicts(const SystemFacts& facts,
                                    const std::vector<ModprobeDirective>& others,
                                    const std::set<PciId>& ids, Binding binding) {
  std::vector<Refusal> refusals;
  find_kernel_conflicts(facts, binding, refusals);
  for (const auto& line : others) {
    if (!works_against(line, ids, binding)) continue;
    refusals.push_back({RefusalCause::modprobe_line,
                        {{"place", line.place()}, {"line", Quotation{line.str()}}},
                        without_line(line.place(), line.str())});
  }
  find_parameter_conflict(facts, ids, binding, refusals);
  return refusals;
}

std::vector<Note> find_hindrances(const std::vector<Claim>& claims,
                                  const std::vector<ModprobeDirective>& others) {
  std::vector<Note> notes;
  for (const auto& line : others) {
    const bool names_driver = std::ranges::any_of(claims, [&](const Claim& claim) {
      return std::ranges::binary_search(claim.modules, module_name(line.subject));
    });
    if (line.command != "blacklist" || !names_driver) continue;
    notes.push_back(
        {NoteCause::driver_blacklisted, {{"place", line.place()}, {"driver", Word{line.subject}}}});
  }
  return notes;
}

}  // namespace vfio_switch
