// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>

#include "apply/lock.h"
#include "apply/progress.h"
#include "apply/tool_failure.h"
#include "apply/way_out.h"
#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/plan_request.h"
#include "cli/planning_guard.h"
#include "core/base/text.h"
#include "core/tell/message_text.h"
#include "core/tell/outcome_text.h"
#include "core/tell/phrases.h"
#include "core/tell/plan_text.h"
#include "system/boot/esp_view.h"
#include "system/machine/machine.h"
#include "system/machine/profile_store.h"
#include "system/planner/planner.h"
#include "system/tools/initramfs_tools.h"

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
  if (!result.plan.refusals.empty()) {
    return refusals_text(result.plan, "Nothing was changed, because:", options.style);
  }
  std::string text;
  text += notes_text(result.plan.notes);
  if (!result.changed) return text + nothing_text(result.plan);
  const bool built = options.root == "/" || options.rebuild;
  return text + done_text(result.plan, built, options.style, result.menu ? &*result.menu : nullptr);
}

/// The words by which the program starts itself again where planning ends it.
std::vector<std::string> words_without_plan(const Options& options) {
  std::vector<std::string> words = {"vfio-switch", without_plan_option, "--sysroot", options.root,
                                    verb_text(options.verb)};
  if (options.json) words.emplace_back("--json");
  if (options.rebuild) words.emplace_back("--rebuild");
  return words;
}

/// True where only planning has failed, and what is ours can be taken back without.
bool may_go_without_plan(const Options& options, const Error& why) {
  return options.verb != Verb::enable && why.kind != ErrorKind::permission;
}

/// Why a plan to disable cannot be carried out, although the way out could: the journal cannot be
/// read, or another program put something in the place of one of our files. With --force-ours or
/// --keep-mine the user has decided about such files.
std::optional<Error> hindrance(const Options& options, const FileReader& files,
                               const Result<Preview>& previewed) {
  if (options.verb == Verb::enable) return std::nullopt;
  Error why;
  if (::geteuid() == 0 && !are_books_usable(files)) {
    why.message = "the files in /var/lib/vfio-switch cannot be read";
    return why;
  }
  if (!previewed || options.verb != Verb::disable || options.edited != EditedFiles::refuse) {
    return std::nullopt;
  }
  const auto& refusals = previewed->plan.refusals;
  if (refusals.empty() || !std::ranges::all_of(refusals, [](const Refusal& refusal) {
        return refusal.code() == RefusalCode::user_edited;
      })) {
    return std::nullopt;
  }
  why.message = refusal_text(refusals.front());
  return why;
}

/// What of somebody else's keeps images from being built, and the card with vfio-pci. Nothing where
/// a build failed for another reason, which may be gone at the next try.
std::optional<Error> image_trouble(const FileReader& files, const CommandRunner& runner) {
  const auto machine = read_machine(files);
  if (!machine) return machine.error();
  for (const auto& hindrance : machine->facts.image_hindrances) {
    if (hindrance.what.reason.cause != ReasonCause::listed_module_missing) continue;
    return Error{ErrorKind::failed, reason_text(hindrance.what.reason), {}};
  }
  const auto profile = load_profile(files);
  if (!profile) return profile.error();
  const auto tool = find_initramfs_tool(*profile, files, runner);
  if (!tool) return tool.error();
  for (const auto& kernel : machine->facts.kernels) {
    if (!kernel.initramfs) continue;
    const auto build = plan_build(*tool, files, kernel.release, *kernel.initramfs);
    if (!build) return build.error();
  }
  return std::nullopt;
}

/// The way out without a plan. `what` went wrong before, and `why`.
Result<int> give_back_card(const Options& options, const Error& why,
                           const std::string& what = "no plan can be made") {
  if (options.root == "/" && ::geteuid() != 0) return std::unexpected(why);
  std::cerr << "vfio-switch: warning: " << what << ": " << why.message
            << "\n  vfio-switch undoes its own changes without a plan.\n";
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
  const auto trouble = result->trouble(may_run_tools);
  if (!trouble.empty()) {
    return std::unexpected(Error{ErrorKind::failed, trouble, std::string(fix_and_repeat)});
  }
  if (options.json) {
    Plan plan;
    if (options.verb == Verb::disable) plan.state.intent = Intent::disabled;
    std::cout << plan_json(plan);
  } else if (!result->changed) {
    std::cout << "Nothing to do.\n";
  } else if (result->images_stale) {
    std::cout << "Done. The initramfs images are out of date: rebuild them on that system, or use "
                 "--rebuild.\n";
  } else {
    std::cout << "Done. " << reboot_and_check << "\n";
  }
  return exit_done;
}

/// What is answered without a change; nothing where there is one to make.
std::optional<Result<int>> answer_to_preview(const Options& options, const Operation& operation) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  const auto [previewed, is_pending, is_needed] =
      operation.mounts_esps ? operation.attempt(EspView(**files)) : operation.attempt(**files);
  if (!previewed && may_go_without_plan(options, previewed.error())) {
    return give_back_card(options, previewed.error());
  }
  if (const auto why = hindrance(options, **files, previewed)) return give_back_card(options, *why);
  if (is_needed) return std::nullopt;
  if (!previewed) return std::unexpected(previewed.error());
  const auto& plan = previewed->plan;
  std::cout << (options.json ? plan_json(plan) : outcome_text(options, {plan, false}));
  return plan.refusals.empty() ? exit_done : exit_refused;
}

}  // namespace

Result<int> change_command(const Options& options) {
  if (options.dry_run) return plan_command(options);
  const bool rebuild = options.root == "/" || options.rebuild;
  Operation operation{.verb = verb_text(options.verb),
                      .make_plan = plan_for(options),
                      .rebuild = rebuild,
                      .boot_loader = rebuild,
                      .mounts_esps = options.verb == Verb::enable,
                      .forget = options.verb == Verb::rollback,
                      .patience = {},
                      .progress = {}};
  std::optional<PlanningGuard> guard;
  if (options.verb != Verb::enable) {
    if (options.without_plan) {
      Error why;
      why.message = "planning crashed or did not finish";
      return give_back_card(options, why);
    }
    guard.emplace(words_without_plan(options));
  }
  if (auto answer = answer_to_preview(options, operation)) return std::move(*answer);
  if (rebuild && ::geteuid() != 0) {
    return std::unexpected(needs_root(verb_text(options.verb), options.root == "/"
                                                                   ? "it changes the system"
                                                                   : "it runs the initramfs tool"));
  }
  auto files = open_store(options.root);
  if (!files) return failure_of(files);
  const auto runner = make_command_runner(options.root);
  if (options.root != "/" && rebuild) {
    std::cerr << "Note: the initramfs tool sees the hardware of this machine, not that of "
              << options.root << ".\n";
  }
  operation.progress = make_progress();
  operation.progress.on_change = [tell = operation.progress.on_change](const Change& change) {
    PlanningGuard::planning_is_over();
    tell(change);
  };
  auto result = operation.run(**files, *runner);
  if (!result && options.verb != Verb::enable && result.error().kind == ErrorKind::failed) {
    if (const auto why = image_trouble(**files, *runner)) {
      return give_back_card(options, *why, "the plan could not be carried out");
    }
  }
  if (!result) return failure_of(result);
  std::cout << (options.json ? plan_json(result->plan) : outcome_text(options, *result));
  return result->plan.refusals.empty() ? exit_done : exit_refused;
}

}  // namespace vfio_switch
