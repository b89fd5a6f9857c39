// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/conflicts.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

Refusal conflict(const std::string& message, std::vector<PciAddress> devices = {}) {
  return {RefusalCode::config_conflict, message, std::move(devices)};
}

void find_kernel_conflicts(const SystemFacts& facts, Binding binding,
                           std::vector<Refusal>& refusals) {
  const bool none = std::ranges::all_of(
      facts.kernels, [](const Kernel& kernel) { return kernel.vfio_pci == ModuleForm::missing; });
  if (none) {
    refusals.push_back({RefusalCode::no_vfio_module,
                        facts.kernels.empty() ? "no installed kernel is found below /lib/modules"
                                              : "no installed kernel has the vfio-pci module",
                        {}});
  }
  if (binding == Binding::ids)
    return;  // the kernel command line reaches it: plan_boot_parameters()
  for (const auto& kernel : facts.kernels) {
    if (kernel.vfio_pci != ModuleForm::built_in) continue;
    refusals.push_back(
        {RefusalCode::boot_parameter,
         "vfio-pci is built into kernel " + kernel.release +
             ", where nothing binds by address; use a kernel that has it as a module",
         {}});
  }
}

/// vfio-pci.ids= on the command line is appended after the files' options, and the last one wins.
/// The bind script takes any for the request to do nothing.
void find_parameter_conflict(const SystemFacts& facts, const std::set<PciId>& ids, Binding binding,
                             std::vector<Refusal>& refusals) {
  std::optional<std::string_view> last;
  for (const auto word : split_words(facts.command_line, " \t\n")) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    if (module_name(word.substr(0, equals)) == "vfio_pci.ids") last = word;
  }
  if (!last) return;
  std::set<PciId> given;
  for (const auto text : split_words(last->substr(last->find('=') + 1), ",")) {
    if (const auto id = PciId::parse(text)) given.insert(*id);
  }
  if (binding == Binding::ids && std::ranges::includes(given, ids)) return;
  refusals.push_back(conflict("the kernel command line has " + printable(*last) +
                              ", which overrides what vfio.conf says; remove it from the boot "
                              "loader's settings, or reboot if it was for one boot"));
}

/// True if `options` gives vfio-pci ids that matter: all of them where ours are given in the same
/// way, since the last ones win; by address those of the card, which a device that stays may have.
bool gives_ids(std::string_view options, const std::set<PciId>& ids, Binding binding) {
  for (const auto word : split_words(options)) {
    if (!word.starts_with("ids=")) continue;
    if (binding == Binding::ids) return true;
    for (const auto text : split_words(word.substr(4), ",")) {
      const auto id = PciId::parse(text.substr(0, 9));  // subsystem and class may follow
      if (id && ids.contains(*id)) return true;
    }
  }
  return false;
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
    refusals.push_back(conflict(line.where() + " says '" + line.command + " " + line.subject +
                                (line.arguments.empty() ? "" : " ") + printable(line.arguments) +
                                "', which works against vfio.conf; remove that line"));
  }
  find_parameter_conflict(facts, ids, binding, refusals);
  return refusals;
}

std::vector<std::string> find_hindrances(const std::vector<Claim>& claims,
                                         const std::vector<ModprobeDirective>& others) {
  std::vector<std::string> sentences;
  for (const auto& line : others) {
    const bool names_driver = std::ranges::any_of(claims, [&](const Claim& claim) {
      return std::ranges::binary_search(claim.modules, module_name(line.subject));
    });
    if (line.command != "blacklist" || !names_driver) continue;
    sentences.push_back(line.where() + " blacklists " + line.subject +
                        ": if vfio-pci could not take the card, that driver would not either");
  }
  return sentences;
}

}  // namespace vfio_switch
