// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <iostream>
#include <set>

#include "apply/progress.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/plan_request.h"
#include "core/base/text.h"
#include "core/tell/boot_text.h"
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
  text += notes_text(result.plan.notes);
  if (!result.changed) return text + "Nothing to do.\n";
  if (options.root != "/" && !options.rebuild) {
    for (const auto& change : result.plan.diff) {
      if (const auto* rebuild = std::get_if<RebuildInitramfs>(&change)) {
        text += printable(rebuild->image) + " is stale now: rebuild it there, or use --rebuild.\n";
      }
      if (std::holds_alternative<BootParameters>(change)) {
        text += "The boot loader's files are stale now: " + printable(describe(change)) +
                " there, or use --rebuild.\n";
      }
    }
  }
  if (result.plan.state.intent == Intent::enabled) {
    text += "Staged. After the next boot vfio-pci has the card; 'vfio-switch status' checks it.\n";
    if (result.plan.command_line_locked) return text;  // the notes say that no escape exists
    return text + escape_text(false);
  }
  return text + "Staged. After the next boot the host has the card.\n";
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
    std::cerr << "The initramfs tool sees the hardware of the machine that it runs on, not that of "
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
