// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/kernel_proof.h"

#include <algorithm>
#include <utility>

#include "core/binding/binding.h"
#include "core/modules/driver_order.h"
#include "core/modules/module_parameters.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

}  // namespace

bool has_vfio(const SystemFacts& facts, const Kernel& kernel) {
  if (kernel.vfio_pci != ModuleForm::loadable) return kernel.vfio_pci == ModuleForm::built_in;
  const auto said = parse_module_parameters(command_line_of(facts, kernel));
  return !said.refused.contains(std::string(vfio_pci));
}

std::set<std::string> blacklisted(std::string_view command_line,
                                  const std::vector<ModprobeDirective>& directives) {
  auto modules = parse_module_parameters(command_line).blacklisted;
  for (const auto& line : directives) {
    if (line.command == "blacklist") modules.insert(module_name(line.subject));
  }
  return modules;
}

KernelProof::KernelProof(const SystemFacts& facts, const ModuleDb& db, const Kernel& kernel,
                         const DriverConfig& config)
    : facts_(facts), db_(db), kernel_(kernel), lists_(config.lists) {
  const auto& line = command_line_of(facts, kernel);
  auto parameters = parse_module_parameters(line);
  blacklist_ = blacklisted(line, parse_modprobe(effective_modprobe(config.modprobe)));
  if (facts.dracut) blacklist_.merge(parameters.blacklisted_by_dracut);
  refused_ = std::move(parameters.refused);
  for (auto& module : parameters.loaded) {
    lists_.push_back({std::move(module), {"/proc/cmdline"}});
  }
}

Result<LoadOrder> KernelProof::prove(const PciDevice& device, const Claim& claim, Bound bound,
                                     ImageAhead image) {
  LoadOrder order{kernel_.release, device.address, {},   {},
                  std::nullopt,    Stage::root,    true, std::nullopt};
  const auto* list = image == ImageAhead::built_anew ? list_with_ids() : nullptr;
  if (list != nullptr) bound.by_id = list->ids->match(device);
  auto inserted = ask(device.modalias, blacklist_);
  if (!inserted) return failure_of(inserted);
  order.modules = inserted->modules;
  if (!inserted->followed) not_proved(order, *inserted->reason);
  // Nothing is ordered against this function's coldplug: at worst vfio-pci comes last.
  bool idle = false;
  if (!holds_vfio(order.modules)) {
    auto loads = bound.at_all() ? loads_vfio(bound, image) : loaded_by(lists_);
    if (!loads) return failure_of(loads);
    idle = bound.at_all() && !*loads;
    if (auto added = *loads ? add_vfio(order, false) : Result<void>(); !added) {
      return failure_of(added);
    }
  }
  decide(order, claim, bound);
  if (idle) order.reason = ReasonCause::nothing_loads_vfio;
  if (kernel_.vfio_pci == ModuleForm::built_in &&
      (claim.built_in.empty() || registers_first(claim, bound))) {
    decide_by_parameter(order, claim, bound);
  } else if (!claim.built_in.empty()) {
    if (auto decided = decide_built_in(order, claim, bound, image); !decided)
      return failure_of(decided);
  } else if (image == ImageAhead::built_anew && !order.vfio_wins() && bound.at_all() &&
             inserted->by_command) {
    if (auto moved = decide_in_image(order, claim); !moved) return failure_of(moved);
  }
  if (list != nullptr && claim.built_in.empty() && !bound.by_address) {
    if (auto decided = decide_by_list(order, claim, bound, *list); !decided) {
      return failure_of(decided);
    }
  }
  if (order.vfio_wins() && kernel_.vfio_pci == ModuleForm::loadable) {
    auto loaded = ask(std::string(vfio_pci), {});
    if (!loaded) return failure_of(loaded);
    if (!loaded->followed) {
      order.proved = false;
      order.reason = loaded->reason;
    }
  }
  if (order.vfio_wins() && order.stage == Stage::root && kernel_.vfio_pci == ModuleForm::loadable) {
    if (auto named = check_by_name(order, claim); !named) return failure_of(named);
  }
  // People and sysfs know a driver by the name that the kernel gives it.
  if (order.winner && !order.vfio_wins()) order.winner = db_.kernel_name(*order.winner);
  return after_driverctl(std::move(order), facts_.driverctl, has_vfio(facts_, kernel_));
}

Result<InsertionOrder> KernelProof::ask(const std::string& name,
                                        const std::set<std::string>& blacklist) {
  if (const auto known = asked_.find(name); known != asked_.end()) return known->second;
  auto order = db_.insertion_order(name, blacklist);
  if (!order) return order;
  std::erase_if(order->modules, [&](const auto& module) { return refused_.contains(module); });
  asked_.emplace(name, *order);
  return order;
}

Result<bool> KernelProof::loads_vfio(Bound bound, ImageAhead image) {
  if (kernel_.vfio_pci != ModuleForm::loadable) return false;
  if (bound.by_address) return true;
  if (!loads_vfio_) {
    auto loads = loaded_by(lists_);
    for (const auto& device : facts_.devices) {
      if (!loads || *loads) break;
      auto inserted = ask(device.modalias, blacklist_);
      if (!inserted) return failure_of(inserted);
      loads = holds_vfio(inserted->modules);
    }
    if (!loads) return loads;
    loads_vfio_ = *loads;
  }
  if (*loads_vfio_ || image == ImageAhead::looked_into) return *loads_vfio_;
  return loaded_by(facts_.early_modules);
}

Result<bool> KernelProof::loaded_by(const std::vector<EarlyModule>& list) {
  for (const auto& one : list) {
    auto inserted = ask(one.module, {});
    if (!inserted) return failure_of(inserted);
    if (holds_vfio(inserted->modules)) return true;
  }
  return false;
}

bool KernelProof::holds_vfio(const std::vector<std::string>& modules) {
  return std::ranges::find(modules, vfio_pci) != modules.end();
}

void KernelProof::not_proved(LoadOrder& order, const Reason& reason) {
  order.proved = false;
  if (!order.reason) order.reason = reason;
}

Result<void> KernelProof::add_vfio(LoadOrder& order, bool first) {
  if (kernel_.vfio_pci != ModuleForm::loadable) return {};
  if (!first && holds_vfio(order.modules)) return {};
  auto loaded = ask(std::string(vfio_pci), {});
  if (!loaded) return failure_of(loaded);
  if (first) std::swap(order.modules, loaded->modules);
  for (auto& module : loaded->modules) {
    const bool known = std::ranges::find(order.modules, module) != order.modules.end();
    if (!known) order.modules.push_back(std::move(module));
  }
  return {};
}

void KernelProof::decide(LoadOrder& order, const Claim& claim, Bound bound) {
  order.contenders.clear();
  order.winner.reset();
  for (const auto& module : order.modules) {
    const bool takes_it =
        module == vfio_pci ? bound.at_all() : std::ranges::binary_search(claim.modules, module);
    if (takes_it) order.contenders.push_back(module);
  }
  if (order.contenders.empty()) {
    order.reason = ReasonCause::no_module;
  } else if (order.contenders.front() == vfio_pci) {
    order.winner = "vfio-pci";
  } else {
    order.winner = order.contenders.front();
    order.reason = {ReasonCause::loaded_before_vfio, {{"module", Word{order.contenders.front()}}}};
  }
}

void KernelProof::decide_by_parameter(LoadOrder& order, const Claim& claim, Bound bound) {
  if (!bound.by_parameter) {
    decide(order, claim, {});
    order.reason = ReasonCause::vfio_without_ids;
    return;
  }
  for (auto* names : {&order.modules, &order.contenders}) {
    std::erase(*names, vfio_pci);
    names->insert(names->begin(), std::string(vfio_pci));
  }
  order.winner = "vfio-pci";
  order.proved = true;
  order.reason.reset();
  if (!claim.built_in.empty()) order.reason = later_driver(claim);
}

bool KernelProof::registers_first(const Claim& claim, Bound bound) {
  return bound.by_parameter && !first_before_vfio(claim.built_in);
}

Result<void> KernelProof::decide_built_in(LoadOrder& order, const Claim& claim, Bound bound,
                                          ImageAhead image) {
  if (bound.by_address && kernel_.vfio_pci == ModuleForm::loadable) {
    if (auto added = add_vfio(order, true); !added) return added;
    if (kernel_.initramfs && image == ImageAhead::built_anew) order.stage = Stage::image;
    order.reason.reset();
    decide(order, claim, bound);
  } else {
    order.contenders.clear();
    order.winner = claim.built_in.front();
    order.reason = {ReasonCause::driver_built_in, {{"driver", Word{claim.built_in.front()}}}};
  }
  return {};
}

Result<void> KernelProof::decide_in_image(LoadOrder& order, const Claim& claim) {
  if (!kernel_.initramfs || kernel_.vfio_pci != ModuleForm::loadable) return {};
  for (const auto& early : facts_.early_modules) {
    auto inserted = ask(early.module, {});
    if (!inserted) return failure_of(inserted);
    for (const auto& module : inserted->modules) {
      if (!std::ranges::binary_search(claim.modules, module)) continue;
      order.reason = {ReasonCause::loaded_by_list,
                      {{"place", early.where}, {"module", Word{module}}}};
      return {};
    }
  }
  if (auto added = add_vfio(order, true); !added) return added;
  order.stage = Stage::image;
  order.reason.reset();
  decide(order, claim, {.by_id = true});
  return {};
}

const EarlyModule* KernelProof::list_with_ids() const {
  if (!kernel_.initramfs || kernel_.vfio_pci != ModuleForm::loadable) return nullptr;
  const auto found = std::ranges::find_if(
      facts_.early_modules, [](const EarlyModule& early) { return early.ids.has_value(); });
  return found == facts_.early_modules.end() ? nullptr : &*found;
}

Result<void> KernelProof::decide_by_list(LoadOrder& order, const Claim& claim, Bound bound,
                                         const EarlyModule& list) {
  if (!bound.at_all()) {
    decide(order, claim, {});
    order.reason = {ReasonCause::list_lacks_ids, {{"place", list.where}}};
    return {};
  }
  for (const auto& early : facts_.early_modules) {
    if (early.where == list.where) break;
    auto inserted = ask(early.module, {});
    if (!inserted) return failure_of(inserted);
    if (std::ranges::find_first_of(inserted->modules, claim.modules) != inserted->modules.end()) {
      return {};
    }
  }
  if (auto added = add_vfio(order, true); !added) return added;
  order.stage = Stage::image;
  decide(order, claim, bound);
  order.reason = {ReasonCause::list_gives_ids, {{"place", list.where}}};
  return {};
}

Result<void> KernelProof::check_by_name(LoadOrder& order, const Claim& claim) {
  auto names = claim.modules;
  names.insert(names.end(), claim.dependants.begin(), claim.dependants.end());
  for (const auto& name : names) {
    auto inserted = ask(name, {});
    if (!inserted) return failure_of(inserted);
    const auto& modules = inserted->modules;
    const auto first = std::ranges::find_if(modules, [&](const std::string& module) {
      return std::ranges::binary_search(claim.modules, module);
    });
    if (first != modules.end() && std::find(modules.begin(), first, vfio_pci) == first) {
      not_proved(order,
                 {ReasonCause::loaded_by_name, {{"name", Word{name}}, {"module", Word{*first}}}});
    }
  }
  return {};
}

}  // namespace vfio_switch
