// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace vfio_switch {

/// The word that makes the program take the way out without a plan; private, and the first of all.
inline constexpr const char* without_plan_option = "--without-plan";

/// While one exists, a crash, or planning that takes longer than two minutes, ends in the way out
/// without a plan: the program starts itself again, in the same process, with `words`. libkmod does
/// not check the module indices that it reads; the way out must not depend on them.
class PlanningGuard {
 public:
  explicit PlanningGuard(std::vector<std::string> words);
  ~PlanningGuard();
  PlanningGuard(const PlanningGuard&) = delete;
  PlanningGuard& operator=(const PlanningGuard&) = delete;
  PlanningGuard(PlanningGuard&&) = delete;
  PlanningGuard& operator=(PlanningGuard&&) = delete;

  /// What follows may take as long as it takes: a builder is never cut off.
  static void planning_is_over();
};

}  // namespace vfio_switch
