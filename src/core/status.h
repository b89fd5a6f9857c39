// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/facts.h"
#include "core/image_report.h"
#include "core/intent.h"
#include "core/load_order.h"
#include "core/plan.h"

namespace vfio_switch {

/// Whether one kernel's files and image are proved to do what the intent wants, at the next boot.
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
  std::vector<LoadOrder> load_order;  ///< of the next boot, as files and images are now
  std::vector<Refusal> refusals;      ///< why the intent cannot hold any more
  std::vector<std::string> notes;     ///< what a person should know, one sentence each
};

/// Compares the machine with `plan`, the plan that would make the kept intent hold. `images` says
/// what became of each kernel's image, `now` who gets the card as things are on disk.
[[nodiscard]] Status make_status(const SystemFacts& facts, const Plan& plan, Intent intent,
                                 const ImageVerdicts& images, const std::vector<LoadOrder>& now);

/// True if `status` is what the intent asks for, staged and active.
[[nodiscard]] bool is_as_intended(const Status& status);

}  // namespace vfio_switch
