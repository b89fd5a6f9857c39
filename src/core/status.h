// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/intent.h"
#include "core/load_order.h"
#include "core/plan.h"

namespace vfio_switch {

/// Whether one kernel's files and image are as the intent wants them. Says nothing about drivers.
struct KernelStatus {
  std::string release;
  std::optional<std::string> image;
  std::optional<bool> staged;  ///< nothing: cannot be judged, see `reason`
  std::string reason;          ///< empty where staged
};

/// Whether one function has the driver now that the intent wants.
struct DeviceStatus {
  PciAddress address;
  std::optional<std::string> driver;
  std::optional<std::string> expected_driver;
  bool active = false;
};

enum class NextBoot { vfio, host, mixed };

/// What is true now, and what will be after the next boot: two different statements.
struct Status {
  Intent intent = Intent::unset;
  std::vector<KernelStatus> kernels;
  std::vector<DeviceStatus> devices;
  NextBoot next_boot = NextBoot::host;
  std::vector<Refusal> refusals;  ///< why the intent cannot hold any more
};

/// Compares the machine with `plan`, the plan that would make the kept intent hold. `now` is the
/// load order of the configuration as it is on disk.
[[nodiscard]] Status make_status(const SystemFacts& facts, const Plan& plan, Intent intent,
                                 const std::vector<LoadOrder>& now);

/// True if `status` is what the intent asks for, staged and active.
[[nodiscard]] bool is_as_intended(const Status& status);

}  // namespace vfio_switch
