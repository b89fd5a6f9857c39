// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/plan_request.h"

#include "apply/rollback.h"
#include "system/planner/planner.h"

namespace vfio_switch {

MakePlan plan_for(const Options& options) {
  PlanOptions plan_options;
  plan_options.edited = options.edited;
  plan_options.force_rebuild = options.rebuild;
  plan_options.can_rebuild = options.root == "/" || options.rebuild;
  const EnableOptions enable{.named = options.devices,
                             .accepted_risks = options.accepted_risks,
                             .extra = options.extra_devices,
                             .automatic = false,
                             .plan = plan_options};
  return [verb = options.verb, planned = options.planned, plan_options, enable](
             const FileReader& files, const Machine& machine, const Journal& journal) {
    const Planner planner(files, machine);
    if (verb == Verb::rollback) return plan_rollback(files, machine, journal, plan_options);
    const bool as_kept = verb == Verb::plan && planned == Verb::plan;
    const bool disable = verb == Verb::disable || planned == Verb::disable ||
                         (as_kept && machine.state.intent == Intent::disabled &&
                          enable.named.empty() && !enable.extra);
    return disable ? planner.disable(plan_options) : planner.enable(enable);
  };
}

MakePlan plan_to_fix(const Options& options) {
  PlanOptions plan_options;
  plan_options.can_rebuild = options.root == "/";
  return [plan_options](const FileReader& files, const Machine& machine, const Journal&) {
    const Planner planner(files, machine);
    switch (machine.state.intent) {
      case Intent::enabled:
        return planner.enable({.named = {},
                               .accepted_risks = {},
                               .extra = {},
                               .automatic = false,
                               .may_add_parameters = false,
                               .plan = plan_options});
      case Intent::disabled:
        return planner.disable(plan_options);
      case Intent::unset:
        break;
    }
    Plan nothing;
    nothing.state = machine.state;
    return Result<Plan>(std::move(nothing));
  };
}

}  // namespace vfio_switch
