// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/planner/menu_prover.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/binding/driver_config.h"
#include "core/machine/boot_entries.h"
#include "system/images/image_prover.h"
#include "system/modules/load_order_prover.h"

namespace vfio_switch {

namespace {

/// Proves one entry after the other. Those that start the same files with the same words fare
/// alike: GRUB lists the first entry a second time in its submenu, and once more for recovery.
class MenuProver {
 public:
  MenuProver(const FileReader& files, const SystemFacts& facts,
             const std::vector<PciAddress>& functions, const std::vector<Claim>& claims,
             const OpenedImages& opened)
      : files_(files),
        facts_(facts),
        functions_(functions),
        claims_(claims),
        opened_(opened),
        config_(current_config(facts)) {}

  Result<EntryProof> prove(const BootEntry& entry) {
    EntryProof proof{entry};
    if (!is_ours(entry)) return proof;
    proof.evidence.push_back({entry.source.file, entry.source.line});
    if (const auto why = why_not_provable(entry, facts_)) {
      for (const auto& device : functions_) proof.functions.push_back(not_proved(device, *why));
      return proof;
    }
    const auto images = files_of(entry);
    for (const auto& image : images) proof.evidence.push_back({image});
    const Key key{*entry.release, images, deciding_words(*entry.command_line),
                  entry.possible_words};
    auto found = known_.find(key);
    if (found == known_.end()) {
      auto functions = prove_functions(entry, images);
      if (!functions) return failure_of(functions);
      found = known_.emplace(key, std::move(*functions)).first;
    }
    proof.functions = found->second;
    return proof;
  }

 private:
  struct Key {
    std::string release;
    std::vector<std::string> images;
    std::vector<std::string> words;
    std::vector<std::string> possible;

    auto operator<=>(const Key&) const = default;
  };

  Result<std::vector<EntryFunction>> prove_functions(const BootEntry& entry,
                                                     const std::vector<std::string>& images) {
    auto kernel = *std::ranges::find(facts_.kernels, *entry.release, &Kernel::release);
    kernel.loaded = images;
    kernel.command_line = entry.command_line;
    config_.parameter_ids = ids_of_command_line(*entry.command_line);
    const auto orders = prove_load_order(files_, facts_, kernel, claims_, config_);
    if (!orders) return std::unexpected(orders.error());
    std::vector<EntryFunction> functions;
    const auto add = [&](const std::vector<LoadOrder>& list) {
      for (const auto& order : list) functions.push_back(under_entry(order, entry, facts_));
    };
    if (images.empty()) {
      add(orders->root_alone);
      return functions;
    }
    const auto report = prove_image(files_, facts_, kernel, orders->contests, opened_);
    if (!report) return std::unexpected(report.error());
    if (report->condition == ImageCondition::readable) {
      add(report->orders);
      return functions;
    }
    for (const auto& device : functions_) {
      functions.push_back(not_proved(device, report->problem.value_or(Reason())));
    }
    return functions;
  }

  const FileReader& files_;
  const SystemFacts& facts_;
  const std::vector<PciAddress>& functions_;
  const std::vector<Claim>& claims_;
  const OpenedImages& opened_;
  DriverConfig config_;
  std::map<Key, std::vector<EntryFunction>> known_;
};

}  // namespace

Result<MenuProof> prove_menu(const FileReader& files, const SystemFacts& facts,
                             const std::vector<PciAddress>& functions,
                             const std::vector<Claim>& claims, const OpenedImages& opened) {
  MenuProof menu;
  menu.next = next_entry(facts.boot_menu);
  MenuProver prover(files, facts, functions, claims, opened);
  for (const auto& entry : facts.boot_menu.entries) {
    auto proof = prover.prove(entry);
    if (!proof) return failure_of(proof);
    menu.entries.push_back(std::move(*proof));
  }
  if (!menu.next) {
    const auto why = why_not_known(facts.boot_menu);
    menu.why_unknown =
        why ? reason_of(ReasonCause::menu_not_known, *why) : Reason(ReasonCause::not_known);
  }
  return menu;
}

}  // namespace vfio_switch
