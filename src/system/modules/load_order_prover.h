// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The load orders of the same claims, under two premises.
struct LoadOrders {
  std::vector<LoadOrder> images_built;  ///< the distribution's tool makes images of `config`
  std::vector<LoadOrder> root_alone;    ///< no image plays a part: prove_image() looks into it
};

/// In which order libkmod would insert modules for each of `claims`, under the configuration
/// `config`, and which driver would win.
[[nodiscard]] Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                                  const std::vector<Claim>& claims,
                                                  const DriverConfig& config);
/// Those of one kernel, which need not be as it stands in `facts`.
[[nodiscard]] Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                                  const Kernel& kernel,
                                                  const std::vector<Claim>& claims,
                                                  const DriverConfig& config);

/// Whether vfio-pci can be had in `kernel`: it is there, and not refused on its command line.
[[nodiscard]] bool has_vfio(const SystemFacts& facts, const Kernel& kernel);

/// Modules that an alias does not lead to: blacklist lines, and modprobe.blacklist= of a kernel
/// command line. libkmod would take the latter from the running system instead.
[[nodiscard]] std::set<std::string> blacklisted(std::string_view command_line,
                                                const std::vector<ModprobeDirective>& directives);

}  // namespace vfio_switch
