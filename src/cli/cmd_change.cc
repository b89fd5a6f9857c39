// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <set>

#include "apply/progress.h"
#include "apply/way_out.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/plan_request.h"
#include "core/base/text.h"
#include "core/plan/boot_check.h"
#include "core/tell/plan_text.h"
#include "system/process/survive.h"

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
  if (options.root != "/" && !options.rebuild) {
    for (const auto& change : result.plan.diff) {
      if (const auto* rebuild = std::get_if<RebuildInitramfs>(&change)) {
        text +=
            printable(rebuild->image) + " is stale now: build it anew there, or use --rebuild.\n";
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

/// Whether a plan can be made at all: in a child, since a damaged module index may end it. An Error
/// says why not; a plan that is refused is one.
Result<void> can_plan(const Options& options, const MakePlan& make) {
  constexpr std::chrono::seconds patience(60);
  const auto attempt = [&]() -> Result<void> {
    auto files = open_reader(options.root);
    if (!files) return failure_of(files);
    const auto previewed = preview(**files, make, options.verb == Verb::rollback);
    return previewed ? Result<void>() : std::unexpected(previewed.error());
  };
  switch (survive(patience, [&] { return attempt().has_value(); })) {
    case Survival::yes:
      return {};
    case Survival::no:
      return attempt();
    case Survival::ended:
      break;
  }
  return fail("planning was ended by a crash, or took longer than a minute");
}

/// The way out without a plan.
Result<int> give_back_card(const Options& options, const Error& why) {
  if (options.root == "/" && ::geteuid() != 0) return std::unexpected(why);
  std::cerr << "vfio-switch: warning: no plan can be made: " << why.message
            << "\n  What is vfio-switch's own is taken back without one.\n";
  auto files = open_store(options.root);
  if (!files) return failure_of(files);
  const auto runner = make_command_runner(options.root);
  const bool may_run_tools = options.root == "/" || options.rebuild;
  const WayOutRequest request{
      .kind = options.verb == Verb::rollback ? WayOut::rollback : WayOut::disable,
      .may_run_tools = may_run_tools,
      .patience = {},
      .progress = make_progress()};
  const auto result = take_way_out(**files, *runner, request);
  if (!result) return std::unexpected(result.error());
  for (const auto& warning : result->warnings) {
    std::cerr << "vfio-switch: warning: " << printable(warning) << "\n";
  }
  const auto outcome = !result->live.empty() ? enumerate(result->live) + " may still have an effect"
                       : may_run_tools && result->images_stale ? std::string("images are stale")
                                                               : std::string();
  if (!outcome.empty()) return fail(outcome, "Fix what is said above, and run the command again.");
  if (options.json) {
    Plan plan;
    if (options.verb == Verb::disable) plan.state.intent = Intent::disabled;
    std::cout << plan_json(plan);
  } else {
    std::cout << (result->changed
                      ? "Done. At the next boot the host's drivers will take the card.\n"
                      : "Nothing to do.\n");
  }
  return exit_done;
}

}  // namespace

Result<int> change_command(const Options& options) {
  if (options.dry_run) return plan_command(options);
  const auto make = plan_for(options);
  if (options.verb != Verb::enable) {
    const auto can = can_plan(options, make);
    const bool by_us = !can && can.error().kind != ErrorKind::permission;
    if (by_us) return give_back_card(options, can.error());
  }
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
