// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "apply/progress.h"
#include "cli/commands.h"
#include "cli/doctor_json.h"
#include "cli/plan_request.h"
#include "core/doctor/diagnosis.h"
#include "core/tell/doctor_text.h"
#include "core/tell/plan_text.h"
#include "system/doctor/examine.h"

namespace vfio_switch {

namespace {

/// What was found, and for which intent.
struct Look {
  std::vector<Finding> findings;
  Intent intent = Intent::unset;
};

Result<Look> look(const Options& options) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  auto machine = read_machine(**files);
  if (!machine) return failure_of(machine);
  auto examination = examine(**files, *machine, interrupted_change(**files));
  if (!examination) return failure_of(examination);
  return Look{diagnose(*examination), machine->state.intent};
}

/// What --fix does, shown before it is done. A plan that is refused says why.
Result<Plan> fix(const Options& options) {
  const Operation operation{.verb = "doctor --fix",
                            .make_plan = plan_to_fix(options),
                            .rebuild = options.root == "/",
                            .patience = {},
                            .progress = make_progress()};
  {
    auto files = open_reader(options.root);
    if (!files) return failure_of(files);
    auto [previewed, is_pending, is_needed] = operation.attempt(**files);
    if (!previewed) return failure_of(previewed);
    auto& [machine, plan] = *previewed;
    if (!options.json && !is_pending) {
      std::cout << plan_text(machine.facts, plan, options.verbose) << "\n";
    }
    if (options.dry_run || !is_needed) return std::move(plan);
  }
  if (options.root == "/" && ::geteuid() != 0) {
    return std::unexpected(needs_root("doctor --fix", "it changes the system"));
  }
  auto files = open_store(options.root);
  if (!files) return failure_of(files);
  const auto runner = make_command_runner(options.root);
  auto result = operation.run(**files, *runner);
  if (!result) return failure_of(result);
  return std::move(result->plan);
}

}  // namespace

Result<int> doctor_command(const Options& options) {
  auto seen = look(options);
  if (!seen) return failure_of(seen);
  std::optional<Plan> fixing;
  if (options.fix) fixing = Plan();
  if (options.fix && std::ranges::any_of(seen->findings, &Finding::ours)) {
    auto done = fix(options);
    if (!done) return failure_of(done);
    fixing = std::move(*done);
    seen = look(options);
    if (!seen) return failure_of(seen);
  }
  if (options.json) {
    std::cout << doctor_json(seen->findings, fixing ? &*fixing : nullptr);
  } else {
    std::cout << doctor_text(seen->findings, seen->intent, options.style);
  }
  return falls_short(seen->findings) ? exit_fell_short : exit_done;
}

}  // namespace vfio_switch
