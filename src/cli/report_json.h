// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/doctor/finding.h"
#include "core/plan/plan.h"
#include "core/plan/status.h"
#include "core/tell/redaction.h"
#include "system/machine/machine.h"
#include "system/machine/recorder.h"

namespace vfio_switch {

/// What `report` tells beside the recording.
struct ReportParts {
  std::optional<Plan> plan;  ///< of the kept intent, else of enable
  std::optional<Status> status;
  std::vector<Finding> findings;
  std::vector<std::string> errors;  ///< what could not be done, and why
};

/// The report: a fixture for tests/machines/build-sysroot, with "report" beside it. Sentences go
/// through `scrub`; the rest was taken only where it may be told.
[[nodiscard]] std::string report_json(const Machine& machine, const Recording& recording,
                                      const ReportParts& parts, const Scrubber& scrub);

}  // namespace vfio_switch
