// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/cards/intent.h"
#include "core/machine/facts.h"
#include "core/machine/settings.h"
#include "core/plan/boot_record.h"

namespace vfio_switch {

struct Status;

/// Boots in a row that did not reach the login target, from which on it is said, and acted upon.
inline constexpr unsigned failed_boots_limit = 2;

/// What the check sees that no plan needs.
struct BootObservation {
  std::string boot_id;
  std::string time;
  bool has_display = false;   ///< the host has a DRM connector, or the firmware's framebuffer
  unsigned failed_boots = 0;  ///< in a row before this one
  std::optional<ReasonCause> pending;  ///< where the automatic setup was put off
};

/// Compares what was expected for the running kernel with what the boot came to. `status` is that
/// of now: right after the boot, files and images are those that it was made with.
[[nodiscard]] BootRecord judge_boot(const SystemFacts& facts, const State& state,
                                    const Status& status, const Settings& settings,
                                    const BootObservation& seen);

/// What is known when a boot begins: of the boots before it alone.
[[nodiscard]] BootRecord judge_failures(const SystemFacts& facts, const BootObservation& seen);

/// True if passthrough is to be taken back unasked.
[[nodiscard]] bool should_disable(const BootRecord& record, const State& state,
                                  const Settings& settings);

}  // namespace vfio_switch
