// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/load_order_prover.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/binding/vfio_binding.h"
#include "core/cards/card.h"
#include "core/modules/driver_order.h"
#include "core/modules/module_parameters.h"
#include "system/modules/modprobe_config.h"
#include "system/modules/module_db.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

/// What counts of an image: what the distribution's tool will put into it, or nothing.
enum class ImageAhead { built_anew, looked_into };

/// Proves the claims of one kernel under one configuration.
class KernelProof {
 public:
  KernelProof(const SystemFacts& facts, const ModuleDb& db, const Kernel& kernel,
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

  [[nodiscard]] Result<LoadOrder> prove(const PciDevice& device, const Claim& claim, Bound bound,
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
    if (order.vfio_wins() && order.stage == Stage::root &&
        kernel_.vfio_pci == ModuleForm::loadable) {
      if (auto named = check_by_name(order, claim); !named) return failure_of(named);
    }
    // People and sysfs know a driver by the name that the kernel gives it.
    if (order.winner && !order.vfio_wins()) order.winner = db_.kernel_name(*order.winner);
    return after_driverctl(std::move(order), facts_.driverctl, has_vfio(facts_, kernel_));
  }

 private:
  /// What libkmod says, remembered: cards and their functions share drivers, and premises orders.
  Result<InsertionOrder> ask(const std::string& name, const std::set<std::string>& blacklist) {
    if (const auto known = asked_.find(name); known != asked_.end()) return known->second;
    auto order = db_.insertion_order(name, blacklist);
    if (!order) return order;
    std::erase_if(order->modules, [&](const auto& module) { return refused_.contains(module); });
    asked_.emplace(name, *order);
    return order;
  }

  /// Whether anything but the function itself has vfio-pci loaded: a list, the bind script's unit,
  /// or another device, before whose driver it comes.
  Result<bool> loads_vfio(Bound bound, ImageAhead image) {
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

  Result<bool> loaded_by(const std::vector<EarlyModule>& list) {
    for (const auto& one : list) {
      auto inserted = ask(one.module, {});
      if (!inserted) return failure_of(inserted);
      if (holds_vfio(inserted->modules)) return true;
    }
    return false;
  }

  static bool holds_vfio(const std::vector<std::string>& modules) {
    return std::ranges::find(modules, vfio_pci) != modules.end();
  }

  static void not_proved(LoadOrder& order, const Reason& reason) {
    order.proved = false;
    if (!order.reason) order.reason = reason;
  }

  /// Adds vfio-pci and what it needs to the order, unless it is in it: last, or first.
  Result<void> add_vfio(LoadOrder& order, bool first) {
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

  static void decide(LoadOrder& order, const Claim& claim, Bound bound) {
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
      order.reason = {ReasonCause::loaded_before_vfio,
                      {{"module", Word{order.contenders.front()}}}};
    }
  }

  /// vfio-pci that is built in takes what the kernel command line gives it, before any module is
  /// loaded; modprobe.d does not reach it.
  static void decide_by_parameter(LoadOrder& order, const Claim& claim, Bound bound) {
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

  /// True where vfio-pci has its ids before any of the built-in drivers registers.
  static bool registers_first(const Claim& claim, Bound bound) {
    return bound.by_parameter && !first_before_vfio(claim.built_in);
  }

  /// A driver that is built in has the function before any module is loaded. The bind script takes
  /// it from there, in the image or, without one, before udev and modules-load.d.
  Result<void> decide_built_in(LoadOrder& order, const Claim& claim, Bound bound,
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

  /// The driver is loaded by an install command, which no softdep may precede. The image loads
  /// vfio-pci before the root file system is there, and holds the driver only where a list says so.
  Result<void> decide_in_image(LoadOrder& order, const Claim& claim) {
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

  /// The line of the initramfs tool's lists that loads vfio-pci with ids of its own; null where
  /// none does, or where the kernel needs no module.
  [[nodiscard]] const EarlyModule* list_with_ids() const {
    if (!kernel_.initramfs || kernel_.vfio_pci != ModuleForm::loadable) return nullptr;
    const auto found = std::ranges::find_if(
        facts_.early_modules, [](const EarlyModule& early) { return early.ids.has_value(); });
    return found == facts_.early_modules.end() ? nullptr : &*found;
  }

  /// The image loads vfio-pci with the ids of `list`, which then keeps them.
  Result<void> decide_by_list(LoadOrder& order, const Claim& claim, Bound bound,
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

  /// A driver may also be loaded by name, or because another module needs it.
  Result<void> check_by_name(LoadOrder& order, const Claim& claim) {
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

  const SystemFacts& facts_;
  const ModuleDb& db_;
  const Kernel& kernel_;
  std::vector<EarlyModule> lists_;  ///< loaded by name in the real root
  std::set<std::string> blacklist_;
  std::set<std::string> refused_;   ///< by the kernel itself
  std::optional<bool> loads_vfio_;  ///< that anything in the real root does
  std::map<std::string, InsertionOrder> asked_;
};

}  // namespace

std::set<std::string> blacklisted(std::string_view command_line,
                                  const std::vector<ModprobeDirective>& directives) {
  auto modules = parse_module_parameters(command_line).blacklisted;
  for (const auto& line : directives) {
    if (line.command == "blacklist") modules.insert(module_name(line.subject));
  }
  return modules;
}

namespace {

/// What of modprobe's configuration could not be read; nothing where all could.
std::optional<Reason> unread_configuration(const SystemFacts& facts) {
  const auto found = std::ranges::find_if(facts.unread, [](const UnreadFile& file) {
    return file.path.find("/modprobe.d") != std::string::npos;
  });
  if (found == facts.unread.end()) return std::nullopt;
  return Reason(ReasonCause::file_unread,
                {{"file", Place{found->path}}, {"why", Word{found->why}}});
}

void doubt(LoadOrder& order, const std::optional<Reason>& unread) {
  if (!unread || !order.proved) return;
  order.proved = false;
  order.reason = *unread;
}

/// Under one reading of the configuration.
Result<LoadOrders> prove_reading(const FileReader& files, const SystemFacts& facts,
                                 const Kernel& kernel, const std::vector<Claim>& claims,
                                 const DriverConfig& config) {
  LoadOrders orders;
  if (claims.empty()) return orders;
  const auto unread = unread_configuration(facts);
  auto db = ModuleDb::open(files, kernel, config.modprobe);
  if (!db) return failure_of(db);
  const VfioBinding binding(config, kernel.softdeps);
  KernelProof proof(facts, *db, kernel, config);
  for (const auto& claim : claims) {
    if (claim.kernel != kernel.release) continue;
    const auto& device = *find_device(facts, claim.device);
    const auto bound = binding.of(device);
    auto built = proof.prove(device, claim, bound, ImageAhead::built_anew);
    if (!built) return failure_of(built);
    binding.explain(*built, device);
    doubt(*built, unread);
    orders.images_built.push_back(std::move(*built));
    auto root = proof.prove(device, claim, bound, ImageAhead::looked_into);
    if (!root) return failure_of(root);
    binding.explain(*root, device);
    doubt(*root, unread);
    orders.root_alone.push_back(std::move(*root));
  }
  return orders;
}

/// Doubts those of `orders` for which another reading gives another answer.
void doubt_differing(std::vector<LoadOrder>& orders, const std::vector<LoadOrder>& others,
                     const std::optional<Reason>& why) {
  for (std::size_t i = 0; i < orders.size(); ++i) {
    auto& order = orders[i];
    const auto& other = others[i];
    const bool same =
        order.winner == other.winner && order.stage == other.stage && order.proved == other.proved;
    if (!same) doubt(order, why);
  }
}

}  // namespace

bool has_vfio(const SystemFacts& facts, const Kernel& kernel) {
  if (kernel.vfio_pci != ModuleForm::loadable) return kernel.vfio_pci == ModuleForm::built_in;
  const auto said = parse_module_parameters(command_line_of(facts, kernel));
  return !said.refused.contains(std::string(vfio_pci));
}

Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                    const std::vector<Claim>& claims, const DriverConfig& config) {
  LoadOrders all;
  for (const auto& kernel : facts.kernels) {
    auto orders = prove_load_order(files, facts, kernel, claims, config);
    if (!orders) return orders;
    std::ranges::move(orders->images_built, std::back_inserter(all.images_built));
    std::ranges::move(orders->root_alone, std::back_inserter(all.root_alone));
  }
  return all;
}

Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                    const Kernel& kernel, const std::vector<Claim>& claims,
                                    const DriverConfig& config) {
  const auto readings = possible_readings(config.modprobe);
  std::optional<LoadOrders> orders;
  for (const auto& reading : readings) {
    auto config_read = config;
    config_read.modprobe = reading;
    auto proved = prove_reading(files, facts, kernel, claims, config_read);
    if (!proved) return proved;
    if (!orders) {
      orders = std::move(*proved);
      continue;
    }
    const Reason why(ReasonCause::file_unread,
                     {{"file", Place{read_by_unknown_rules(config.modprobe)->path}},
                      {"why", Word{std::string(why_unknown_release)}}});
    doubt_differing(orders->images_built, proved->images_built, why);
    doubt_differing(orders->root_alone, proved->root_alone, why);
  }
  return std::move(*orders);
}

}  // namespace vfio_switch
