// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/conflicts.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "core/binding/command_line_ids.h"
#include "core/cards/card.h"
#include "core/files/own_paths.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

/// Looks for what would defeat the binding of one card.
class ConflictSearch {
 public:
  ConflictSearch(const SystemFacts& facts, const std::vector<ModprobeDirective>& others,
                 const std::vector<PciAddress>& functions, const std::optional<Reason>& by_address)
      : facts_(facts), others_(others), functions_(functions), by_address_(by_address) {
    for (const auto& address : functions) ids_.insert(find_device(facts, address)->id);
  }

  std::vector<Refusal> run() {
    find_in_kernels();
    find_in_files();
    find_on_command_line();
    return std::move(refusals_);
  }

 private:
  [[nodiscard]] Binding binding() const { return by_address_ ? Binding::address : Binding::ids; }

  [[nodiscard]] bool has_kernel_with(ModuleForm form) const {
    return std::ranges::find(facts_.kernels, form, &Kernel::vfio_pci) != facts_.kernels.end();
  }

  void find_in_kernels() {
    const Remedy other_kernel = {Manual{ByHand::install_kernel}};
    if (facts_.kernels.empty()) {
      refusals_.push_back({RefusalCause::no_kernel, {}, other_kernel});
    } else if (!has_kernel_with(ModuleForm::loadable) && !has_kernel_with(ModuleForm::built_in)) {
      refusals_.push_back({RefusalCause::no_vfio_module, {}, other_kernel});
    }
    if (!by_address_) return;  // the kernel command line reaches it: with_boot_parameters()
    for (const auto& kernel : facts_.kernels) {
      if (kernel.vfio_pci != ModuleForm::built_in) continue;
      refusals_.push_back({RefusalCause::vfio_built_in,
                           {{"kernel", Word{kernel.release}}, {"reason", *by_address_}},
                           other_kernel});
    }
  }

  void find_in_files() {
    const bool given = !by_address_ && (is_given_by_word() || is_given_last());
    for (const auto& line : others_) {
      const bool gives = gives_ids(line);
      if (gives ? given : !works_against(line)) continue;
      refusals_.push_back({RefusalCause::modprobe_line,
                           {{"place", line.place()}, {"line", Quotation{line.str()}}},
                           gives ? resolve_line(facts_, functions_, binding(), line)
                                 : without_line(line.place(), line.str())});
    }
  }

  /// vfio-pci.ids= on the command line is appended after the files' options, and the last one wins.
  /// The bind script takes any for the request to do nothing.
  void find_on_command_line() {
    const auto word = next_ids_word(facts_);
    const bool planned = !by_address_ && has_kernel_with(ModuleForm::built_in);
    if (!word || planned || (!by_address_ && is_given_by_word())) return;
    Data data = {{"parameter", Parameter{*word}}};
    const auto ids = *ids_parameter(*word);
    std::vector<Item> lacking;
    for (const auto& address : functions_) {
      if (!ids.match(*find_device(facts_, address))) lacking.emplace_back(address);
    }
    const bool partial = !ids.empty() && !lacking.empty();
    if (partial) data.emplace_back("devices", std::move(lacking));
    refusals_.push_back(
        {partial ? RefusalCause::command_line_lacks : RefusalCause::command_line_ids,
         std::move(data), resolve_word(facts_, functions_, binding(), *word)});
  }

  /// True if the kernel command line gives the card's ids, whatever the files say.
  [[nodiscard]] bool is_given_by_word() const {
    const auto word = next_ids_word(facts_);
    return word && ids_parameter(*word)->cover(VfioIds(ids_));
  }

  /// True if a file that is read after ours gives the card's ids as well as its own.
  [[nodiscard]] bool is_given_last() const {
    const ModprobeDirective* last = nullptr;
    for (const auto& line : others_) {
      if (gives_ids(line)) last = &line;
    }
    if (last == nullptr || !ids_option(last->arguments)->cover(VfioIds(ids_))) return false;
    return base_name(last->file) > base_name(vfio_conf_path);
  }

  static std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
  }

  /// True if `line` gives vfio-pci ids that matter: all of them where ours are given in the same
  /// way, since the last ones win; by address those of the card, which a device that stays may
  /// have.
  [[nodiscard]] bool gives_ids(const ModprobeDirective& line) const {
    if (line.command != "options" || !line.names(vfio_pci)) return false;
    const auto given = ids_option(line.arguments);
    return given && (!by_address_ || given->without(ids_) != *given);
  }

  [[nodiscard]] bool works_against(const ModprobeDirective& line) const {
    if (line.command == "blacklist") return line.names(vfio_pci);
    if (line.command == "install") return line.is_about(vfio_pci);
    // A softdep switches the install command off, and with it the bind script.
    return by_address_ && line.command == "softdep" && line.is_about(vfio_pci);
  }

  const SystemFacts& facts_;
  const std::vector<ModprobeDirective>& others_;
  const std::vector<PciAddress>& functions_;
  const std::optional<Reason>& by_address_;
  std::set<PciId> ids_;
  std::vector<Refusal> refusals_;
};

}  // namespace

std::vector<Refusal> find_conflicts(const SystemFacts& facts,
                                    const std::vector<ModprobeDirective>& others,
                                    const std::vector<PciAddress>& functions,
                                    const std::optional<Reason>& by_address) {
  return ConflictSearch(facts, others, functions, by_address).run();
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
