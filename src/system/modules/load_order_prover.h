// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/base/error.h"
#include "core/binding/contest.h"
#include "core/binding/driver_config.h"
#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The load orders of the same claims, under two premises.
struct LoadOrders {
  std::vector<LoadOrder> images_built;  ///< the distribution's tool makes images of `config`
  std::vector<LoadOrder> root_alone;    ///< no image plays a part
  std::vector<Contest> contests;        ///< what led to `root_alone`; prove_image() goes on there
};

/// Which driver would get the function of each of `claims` under the configuration `config`.
[[nodiscard]] Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                                  const std::vector<Claim>& claims,
                                                  const DriverConfig& config);
/// Those of one kernel, which need not be as it stands in `facts`.
[[nodiscard]] Result<LoadOrders> prove_load_order(const FileReader& files, const SystemFacts& facts,
                                                  const Kernel& kernel,
                                                  const std::vector<Claim>& claims,
                                                  const DriverConfig& config);

}  // namespace vfio_switch
