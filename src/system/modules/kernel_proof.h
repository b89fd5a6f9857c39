// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/binding/contest.h"
#include "core/binding/driver_config.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "system/modules/module_db.h"

namespace vfio_switch {

/// vfio-pci as `kernel` has it: missing, too, where its command line refuses the module.
[[nodiscard]] ModuleForm vfio_form(const SystemFacts& facts, const Kernel& kernel);

/// Modules that an alias does not lead to: blacklist lines, and modprobe.blacklist= of a kernel
/// command line. libkmod would take the latter from the running system instead.
[[nodiscard]] std::set<std::string> blacklisted(std::string_view command_line,
                                                const std::vector<ModprobeDirective>& directives);

/// Collects what decides about the functions of one kernel, under one configuration. What it is
/// given must outlive it.
class KernelProof {
 public:
  KernelProof(const SystemFacts& facts, const ModuleDb& db, const Kernel& kernel,
              const DriverConfig& config);

  /// What the real root does alone.
  [[nodiscard]] Result<Contest> contest(const PciDevice& device, const Claim& claim, Bound bound);
  /// `root`, which is by contest(), with what the image will load once the distribution's tool has
  /// built it: our script and what its lists name. Which other modules it will hold is not known.
  [[nodiscard]] Result<Contest> with_built_image(Contest root);

 private:
  /// What libkmod says, remembered: cards and their functions share drivers, and premises orders.
  Result<LoadRequest> ask(const std::string& name, Item requester, bool heeds_blacklist);
  /// What the modules of lists do, as far as it is about the function.
  Result<void> add_lists(Contest& contest);
  /// The first other device whose driver brings vfio-pci along.
  Result<void> add_other_device(Contest& contest);
  /// The list of the initramfs tool that does.
  Result<void> add_image_list(Contest& contest);
  Result<void> add_names(Contest& contest);
  /// pci-stub's ids on the command line or in modprobe.d, where they name the function.
  Result<void> ask_stub(Contest& contest);
  /// The same, in the lists of an image that will be built.
  Result<void> ask_listed_stub(Contest& contest);
  /// What the kernel refuses takes nothing. One none of whose modules are signed checks none.
  void leave_unsigned(Contest& contest);
  /// The line of the initramfs tool's lists that loads vfio-pci with ids of its own; null where
  /// none does.
  [[nodiscard]] const EarlyModule* list_with_ids() const;
  /// The requests of the initramfs tool's lists, `last` being the last of them.
  Result<LoadStep> lists_in_image(const EarlyModule* last);
  /// An install command, which no softdep may precede, loads the driver. The image loads vfio-pci
  /// before the root file system is there, and holds the driver only where a list says so.
  Result<void> put_image_before_command(Contest& contest);

  const SystemFacts& facts_;
  const ModuleDb& db_;
  const Kernel& kernel_;
  std::vector<ModprobeDirective> directives_;
  std::vector<EarlyModule> lists_;  ///< loaded by name in the real root
  std::set<std::string> blacklist_;
  std::set<std::string> refused_;  ///< by the kernel itself
  Parameter refusing_word_;
  std::optional<VfioIds> stub_ids_;
  Parameter stub_word_;
  std::optional<Parameter> first_word_;  ///< rd.driver.pre=, where it names vfio-pci
  bool signed_alone_ = false;
  std::map<std::pair<std::string, bool>, LoadRequest> asked_;
  std::set<std::string> by_command_;  ///< names of `asked_` that met an install command
  std::optional<std::vector<LoadRequest>> other_;  ///< by add_other_device(), once known
};

}  // namespace vfio_switch
