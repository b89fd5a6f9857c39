// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <iostream>
#include <set>

#include "apply/progress.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/plan_request.h"
#include "core/base/text.h"
#include "core/tell/outcome_text.h"
#include "core/tell/plan_text.h"

namespace vfio_switch {

namespace {

std::string verb_text(Verb verb) {
  switch (verb) {
    case Verb::enable:
      return "enable";
    case Verb::disable:
      return "disable";
    default:
      return "rollback";
  }
}

std::string outcome_text(const Options& options, const OperationResult& result) {
  if (!result.plan.refusals.empty()) return refusals_text(result.plan, options.style);
  std::string text;
  for (const auto& note : result.plan.notes) text += "Note: " + printable(note) + ".\n";
  if (!result.changed) return text + "Nothing to do.\n";
  const bool built = options.root == "/" || options.rebuild;
  return text + done_text(result.plan, built, options.style);
}

}  // namespace

Result<int> change_command(const Options& options) {
  if (options.dry_run) return plan_command(options);
  const auto make = plan_for(options);
  {
    auto files = open_reader(options.root);
    if (!files) return failure_of(files);
    if (!is_change_pending(**files)) {
      const auto previewed = preview(**files, make, options.verb == Verb::rollback);
      if (!previewed) return std::unexpected(previewed.error());
      const auto& first = previewed->plan;
      if (!is_worth_doing(**files, first)) {
        std::cout << (options.json ? plan_json(first) : outcome_text(options, {first, false}));
        return first.refusals.empty() ? exit_done : exit_refused;
      }
    }
  }
  const bool rebuild = options.root == "/" || options.rebuild;
  if (rebuild && ::geteuid() != 0) {
    return fail(ErrorKind::permission,
                "'" + verb_text(options.verb) + "' " +
                    (options.root == "/" ? "changes the system" : "runs the initramfs tool"),
                "Run it as root.");
  }
  auto files = open_store(options.root);
  if (!files) return failure_of(files);
  const auto runner = make_command_runner(options.root);
  if (options.root != "/" && rebuild) {
    std::cerr << "Note: the initramfs tool sees the hardware of this machine, not that of "
              << options.root << ".\n";
  }
  const Operation operation{.verb = verb_text(options.verb),
                            .make_plan = make,
                            .rebuild = rebuild,
                            .boot_loader = rebuild,
                            .forget = options.verb == Verb::rollback,
                            .patience = {},
                            .progress = make_progress()};
  auto result = operation.run(**files, *runner);
  if (!result) return failure_of(result);
  std::cout << (options.json ? plan_json(result->plan) : outcome_text(options, *result));
  return result->plan.refusals.empty() ? exit_done : exit_refused;
}

}  // namespace vfio_switch
