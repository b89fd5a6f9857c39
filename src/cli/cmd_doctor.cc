// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "apply/progress.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/plans.h"
#include "core/doctor/diagnosis.h"
#include "core/report.h"
#include "system/doctor.h"

namespace vfio_switch {

namespace {

Result<std::vector<Finding>> look(const Options& options) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  auto machine = read_machine(**files);
  if (!machine) return failure_of(machine);
  auto examination = examine(**files, *machine, interrupted_change(**files));
  if (!examination) return failure_of(examination);
  return diagnose(*examination);
}

/// What --fix does, shown before it is done. A plan that is refused says why.
Result<Plan> mend(const Options& options) {
  const auto make = plan_to_mend(options);
  bool pending = false;
  Plan plan;
  {
    auto files = open_reader(options.root);
    if (!files) return failure_of(files);
    pending = is_change_pending(**files);
    auto previewed = preview(**files, make, false);
    if (!previewed) return failure_of(previewed);
    plan = std::move(previewed->plan);
    if (!options.json && !pending) {
      std::cout << plan_text(previewed->machine.facts, plan, options.verbose) << "\n";
    }
  }
  if (options.dry_run || (!pending && !plan.refusals.empty())) return plan;
  if (options.root == "/" && ::geteuid() != 0) {
    return fail(ErrorKind::permission, "'doctor --fix' changes the system", "Run it as root.");
  }
  auto files = open_store(options.root);
  if (!files) return failure_of(files);
  const auto runner = make_command_runner(options.root);
  const Operation operation{.verb = "doctor --fix",
                            .make_plan = make,
                            .rebuild = options.root == "/",
                            .forget = false,
                            .patience = {},
                            .progress = make_progress()};
  auto result = operation.run(**files, *runner);
  if (!result) return failure_of(result);
  return std::move(result->plan);
}

}  // namespace

Result<int> doctor_command(const Options& options) {
  auto findings = look(options);
  if (!findings) return failure_of(findings);
  const bool has_ours = std::ranges::any_of(*findings, &Finding::ours);
  std::optional<Plan> mending;
  if (options.fix && has_ours) {
    auto mended = mend(options);
    if (!mended) return failure_of(mended);
    mending = std::move(*mended);
    findings = look(options);
    if (!findings) return failure_of(findings);
  }
  if (options.json) {
    const Plan nothing;
    const auto* changes = mending ? &*mending : options.fix ? &nothing : nullptr;
    std::cout << doctor_json(*findings, changes);
  } else {
    std::cout << doctor_text(*findings);
  }
  return falls_short(*findings) ? exit_fell_short : exit_done;
}

}  // namespace vfio_switch
