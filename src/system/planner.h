// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/error.h"
#include "core/plan.h"
#include "core/status.h"
#include "system/file_reader.h"
#include "system/machine.h"

namespace vfio_switch {

/// What `enable` is asked for on the command line.
struct EnableOptions {
  std::vector<DeviceSpec> named;            ///< --device; replaces settings and kept choice
  std::vector<RefusalCode> accepted_risks;  ///< --allow-boot-gpu, --allow-display-in-use
  bool automatic = false;  ///< nobody asked: only where there is a way back at the boot menu
  PlanOptions plan;
};

/// Plans with the pure functions of core/, and has libkmod prove the outcome.
class Planner {
 public:
  Planner(const FileReader& files, const Machine& machine) : files_(files), machine_(machine) {}

  [[nodiscard]] Result<Plan> enable(const EnableOptions& options) const;
  [[nodiscard]] Result<Plan> disable(const PlanOptions& options) const;
  [[nodiscard]] Result<Status> status() const;

  /// Fills in `plan.load_order` from `plan.config` and `plan.functions`.
  [[nodiscard]] Result<void> prove(Plan& plan) const;

 private:
  const FileReader& files_;
  const Machine& machine_;
};

}  // namespace vfio_switch
