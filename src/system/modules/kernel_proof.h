// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/binding/driver_config.h"
#include "core/binding/vfio_binding.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "system/modules/module_db.h"

namespace vfio_switch {

/// Whether vfio-pci can be had in `kernel`: it is there, and not refused on its command line.
[[nodiscard]] bool has_vfio(const SystemFacts& facts, const Kernel& kernel);

/// Modules that an alias does not lead to: blacklist lines, and modprobe.blacklist= of a kernel
/// command line. libkmod would take the latter from the running system instead.
[[nodiscard]] std::set<std::string> blacklisted(std::string_view command_line,
                                                const std::vector<ModprobeDirective>& directives);

/// What counts of an image: what the distribution's tool will put into it, or nothing.
enum class ImageAhead { built_anew, looked_into };

/// Proves the claims of one kernel under one configuration. What it is given must outlive it.
class KernelProof {
 public:
  KernelProof(const SystemFacts& facts, const ModuleDb& db, const Kernel& kernel,
              const DriverConfig& config);

  [[nodiscard]] Result<LoadOrder> prove(const PciDevice& device, const Claim& claim, Bound bound,
                                        ImageAhead image);

 private:
  /// What libkmod says, remembered: cards and their functions share drivers, and premises orders.
  Result<InsertionOrder> ask(const std::string& name, const std::set<std::string>& blacklist);
  /// Whether anything but the function itself has vfio-pci loaded: a list, the bind script's unit,
  /// or another device, before whose driver it comes.
  Result<bool> loads_vfio(Bound bound, ImageAhead image);
  Result<bool> loaded_by(const std::vector<EarlyModule>& list);
  static bool holds_vfio(const std::vector<std::string>& modules);
  static void not_proved(LoadOrder& order, const Reason& reason);
  /// Adds vfio-pci and what it needs to the order, unless it is in it: last, or first.
  Result<void> add_vfio(LoadOrder& order, bool first);
  static void decide(LoadOrder& order, const Claim& claim, Bound bound);
  /// vfio-pci that is built in takes what the kernel command line gives it, before any module is
  /// loaded; modprobe.d does not reach it.
  static void decide_by_parameter(LoadOrder& order, const Claim& claim, Bound bound);
  /// True where vfio-pci has its ids before any of the built-in drivers registers.
  static bool registers_first(const Claim& claim, Bound bound);
  /// A driver that is built in has the function before any module is loaded. The bind script takes
  /// it from there, in the image or, without one, before udev and modules-load.d.
  Result<void> decide_built_in(LoadOrder& order, const Claim& claim, Bound bound, ImageAhead image);
  /// The driver is loaded by an install command, which no softdep may precede. The image loads
  /// vfio-pci before the root file system is there, and holds the driver only where a list says so.
  Result<void> decide_in_image(LoadOrder& order, const Claim& claim);
  /// The line of the initramfs tool's lists that loads vfio-pci with ids of its own; null where
  /// none does, or where the kernel needs no module.
  [[nodiscard]] const EarlyModule* list_with_ids() const;
  /// The image loads vfio-pci with the ids of `list`, which then keeps them.
  Result<void> decide_by_list(LoadOrder& order, const Claim& claim, Bound bound,
                              const EarlyModule& list);
  /// A driver may also be loaded by name, or because another module needs it.
  Result<void> check_by_name(LoadOrder& order, const Claim& claim);

  const SystemFacts& facts_;
  const ModuleDb& db_;
  const Kernel& kernel_;
  std::vector<EarlyModule> lists_;  ///< loaded by name in the real root
  std::set<std::string> blacklist_;
  std::set<std::string> refused_;   ///< by the kernel itself
  std::optional<bool> loads_vfio_;  ///< that anything in the real root does
  std::map<std::string, InsertionOrder> asked_;
};

}  // namespace vfio_switch
