// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/planner.h"

#include "system/prover.h"

namespace vfio_switch {

Result<Plan> Planner::enable(const EnableOptions& options) const {
  SelectionRequest request{options.named, {}, options.accepted_risks};
  if (request.named.empty()) request.named = machine_.settings.devices;
  if (request.named.empty() && !machine_.state.cards.empty()) {
    request.kept = machine_.state.cards;
    request.accepted_risks.insert(request.accepted_risks.end(),
                                  machine_.state.accepted_risks.begin(),
                                  machine_.state.accepted_risks.end());
  }
  const auto selection = select(machine_.facts, request);
  auto claims = find_claims(files_, machine_.facts, selection.functions);
  if (!claims) return failure_of(claims);
  auto plan = plan_enable(machine_.facts, selection, *claims, options.plan);
  if (options.automatic && machine_.facts.command_line_locked) {
    plan.refusals.push_back({RefusalCode::cmdline_locked,
                             "Secure Boot locks this system's kernel command line, so that a boot "
                             "without passthrough could not be asked for at the boot menu",
                             {}});
  }
  plan.state.files_changed = machine_.state.files_changed;
  plan.state.accepted_risks = request.accepted_risks;
  auto orders = prove_load_order(files_, machine_.facts, *claims, plan.config);
  if (!orders) return failure_of(orders);
  conclude(plan, std::move(*orders), machine_.facts.kernels);
  return plan;
}

Result<Plan> Planner::disable(const PlanOptions& options) const {
  auto plan = plan_disable(machine_.facts, machine_.state, options);
  if (auto proved = prove(plan); !proved) return failure_of(proved);
  return plan;
}

Result<Status> Planner::status() const {
  Plan plan;
  if (machine_.state.intent == Intent::enabled) {
    auto enabled = enable({});
    if (!enabled) return failure_of(enabled);
    plan = std::move(*enabled);
  } else if (machine_.state.intent == Intent::disabled) {
    plan = plan_disable(machine_.facts, machine_.state, {});
  } else {
    // Nothing is wanted yet: the card that enable would take is shown.
    plan.functions = select(machine_.facts, {machine_.settings.devices, {}, {}}).functions;
  }
  auto claims = find_claims(files_, machine_.facts, plan.functions);
  if (!claims) return failure_of(claims);
  const auto now =
      prove_load_order(files_, machine_.facts, *claims, current_config(machine_.facts));
  if (!now) return std::unexpected(now.error());
  return make_status(machine_.facts, plan, machine_.state.intent, *now);
}

Result<void> Planner::prove(Plan& plan) const {
  auto claims = find_claims(files_, machine_.facts, plan.functions);
  if (!claims) return failure_of(claims);
  auto orders = prove_load_order(files_, machine_.facts, *claims, plan.config);
  if (!orders) return failure_of(orders);
  conclude(plan, std::move(*orders), machine_.facts.kernels);
  return {};
}

}  // namespace vfio_switch
