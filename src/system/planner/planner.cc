// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/planner/planner.h"

#include <algorithm>
#include <iterator>

#include "core/binding/driver_config.h"
#include "core/boot/card_parameters.h"
#include "core/boot/parameter_edit.h"
#include "core/cards/own_command.h"
#include "core/plan/conclusion.h"
#include "core/plan/config_plan.h"
#include "core/plan/host_driver.h"
#include "core/plan/recorded_menu.h"
#include "core/plan/still_given.h"
#include "core/plan/unasked.h"
#include "core/plan/variant_note.h"
#include "system/modules/claimants.h"
#include "system/modules/load_order_prover.h"
#include "system/planner/menu_prover.h"

namespace vfio_switch {

namespace {

/// What could not be read says so, wherever something is concluded.
std::vector<Note> unread_files(const SystemFacts& facts) {
  std::vector<Note> notes;
  for (const auto& file : facts.unread) {
    notes.push_back(
        {NoteCause::file_unread, {{"file", Place{file.path}}, {"why", Word{file.why}}}});
  }
  return notes;
}

}  // namespace

BootPolicy Planner::boot_policy(const EnableOptions& options) const {
  return {.may_add = options.may_add_parameters && !options.automatic,
          .pass_through = machine_.settings.pass_through,
          .may_run = options.plan.can_rebuild};
}

Result<Planner::Draft> Planner::draft_enable(const EnableOptions& options) const {
  SelectionRequest request{options.named, {}, options.accepted_risks};
  if (request.named.empty()) request.named = machine_.settings.devices;
  if (request.named.empty() && !machine_.state.cards.empty()) {
    request.kept = machine_.state.cards;
    request.accepted_risks.insert(request.accepted_risks.end(),
                                  machine_.state.accepted_risks.begin(),
                                  machine_.state.accepted_risks.end());
  }
  request.extra = extra_request(options.extra ? options.extra : machine_.settings.extra_devices,
                                machine_.state);
  const auto policy = boot_policy(options);
  request.iommu_coming = is_iommu_coming(machine_.facts, machine_.state, policy);
  const auto selection = select(machine_.facts, request);
  auto claims = find_claims(files_, machine_.facts, selection.functions);
  if (!claims) return failure_of(claims);
  auto plan = plan_enable(machine_.facts, selection, *claims, options.plan);
  plan = with_boot_parameters(std::move(plan), machine_.facts, *claims, machine_.state, policy);
  const bool builds_follow = options.automatic && !options.plan.can_rebuild;
  auto doubt = doubt_about_next_boot(machine_.facts, builds_follow);
  if (options.automatic) {
    auto refusals =
        refuse_unasked(machine_.facts, {.doubt = doubt, .is_off = options.is_set_up_off});
    // Where nothing else is in the way the command does it.
    if (plan.refusals.empty() && !refusals.empty()) {
      refusals.back().remedy = {command_for(plan.state)};
    }
    plan.refusals.insert(plan.refusals.begin(), refusals.begin(), refusals.end());
  } else if (doubt) {
    plan.notes.push_back(std::move(*doubt));
  }
  plan.add({.notes = unread_files(machine_.facts)});
  plan.add({.notes = note_variants(*claims)});
  auto draft = ask_libkmod(std::move(plan), std::move(*claims));
  if (draft && options.automatic) draft->plan = refused_if_undecided(std::move(draft->plan));
  return draft;
}

Result<Plan> Planner::enable(const EnableOptions& options) const {
  auto draft = draft_enable(options);
  if (!draft) return failure_of(draft);
  return ask_images(std::move(*draft), options.plan);
}

Result<Plan> Planner::disable(const PlanOptions& options) const {
  auto plan = plan_disable(machine_.facts, machine_.state, options);
  plan = without_id_parameter(std::move(plan), machine_.facts, machine_.state,
                              {.may_run = options.can_rebuild});
  plan.add({.notes = unread_files(machine_.facts)});
  plan.add({.notes = still_given(machine_.facts, plan.functions, plan.config,
                                 machine_.state.boot_parameters)});
  return prove(std::move(plan), options);
}

Result<Status> Planner::status() const {
  const auto& command_line = machine_.facts.command_line;
  if (is_escape(command_line)) {
    // This parameter was given at the boot menu for one boot; what is staged is meant for other
    // boots.
    auto usual = machine_;
    usual.facts.command_line = without_escape(command_line);
    auto status = Planner(files_, usual).status();
    if (!status) return status;
    status->command_line = command_line;
    status->parameters = telling_parameters(command_line);
    return status;
  }
  const auto intent = machine_.state.intent;
  Plan plan;
  Evidence evidence;
  if (intent == Intent::enabled) {
    EnableOptions as_it_is;
    as_it_is.plan.may_adopt = false;
    auto draft = draft_enable(as_it_is);
    if (!draft) return failure_of(draft);
    plan = std::move(draft->plan);
    evidence = std::move(draft->evidence);
  } else {
    if (intent == Intent::disabled) {
      plan = plan_disable(machine_.facts, machine_.state, {});
    } else {
      // Nothing is configured yet: the card that enable would take is shown.
      SelectionRequest request{machine_.settings.devices, {}, {}};
      request.extra.named = machine_.settings.extra_devices;
      const auto selection = select(machine_.facts, request);
      plan.functions = selection.functions;
      plan.state.extra_devices = selection.extra_devices;
    }
    auto found = find_claims(files_, machine_.facts, plan.functions);
    if (!found) return failure_of(found);
    evidence.claims = std::move(*found);
  }
  const auto config = current_config(machine_.facts);
  if (intent != Intent::enabled || config != plan.config) {
    if (auto asked = ask_root(evidence, config); !asked) return failure_of(asked);
  }
  auto images = images_.look_into_all(evidence, config, intent);
  if (!images) return failure_of(images);
  auto more = intent == Intent::enabled ? note_variants(evidence.claims) : std::vector<Note>();
  if (intent == Intent::disabled) {
    more = still_given(machine_.facts, plan.functions, config, machine_.state.boot_parameters);
    std::ranges::move(left_without_driver(machine_.facts, evidence.claims, images->orders, config),
                      std::back_inserter(more));
  }
  auto copies = images_.find_stale_copies(evidence, config, intent, images->verdicts);
  if (!copies) return failure_of(copies);
  auto status = make_status(machine_.facts, plan, intent, images->verdicts, images->orders);
  std::ranges::move(more, std::back_inserter(status.notes));
  for (auto& kernel : status.kernels) {
    const auto copy = copies->find(kernel.release);
    if (copy == copies->end()) continue;
    kernel.stale_copy = copy->second;
    status.notes.push_back(std::move(copy->second));
  }
  auto menu = vfio_switch::prove_menu(files_, machine_.facts, plan.functions, evidence.claims,
                                      evidence.opened);
  if (!menu) return failure_of(menu);
  add_menu(status, with_record(std::move(*menu), machine_.facts, plan.functions, status.notes));
  std::ranges::move(unread_files(machine_.facts), std::back_inserter(status.notes));
  status.claims = std::move(evidence.claims);
  return status;
}

Result<std::vector<LoadOrder>> Planner::next_boot_of(
    const std::vector<PciAddress>& functions) const {
  Evidence evidence;
  auto claims = find_claims(files_, machine_.facts, functions);
  if (!claims) return failure_of(claims);
  evidence.claims = std::move(*claims);
  const auto config = current_config(machine_.facts);
  if (auto asked = ask_root(evidence, config); !asked) return failure_of(asked);
  auto images = images_.look_into_all(evidence, config, machine_.state.intent);
  if (!images) return failure_of(images);
  return std::move(images->orders);
}

Result<void> Planner::ask_root(Evidence& evidence, const DriverConfig& config) const {
  auto orders = prove_load_order(files_, machine_.facts, evidence.claims, config);
  if (!orders) return failure_of(orders);
  evidence.root_alone = std::move(orders->root_alone);
  evidence.contests = std::move(orders->contests);
  return {};
}

Result<MenuProof> Planner::prove_menu(const Plan& done) const {
  return vfio_switch::prove_menu(files_, machine_.facts, done.functions, done.claims, {});
}

Result<Plan> Planner::prove(Plan plan, const PlanOptions& options) const {
  auto claims = find_claims(files_, machine_.facts, plan.functions);
  if (!claims) return failure_of(claims);
  auto draft = ask_libkmod(std::move(plan), std::move(*claims));
  if (!draft) return failure_of(draft);
  draft->plan.add({.notes = left_without_driver(machine_.facts, draft->evidence.claims,
                                                draft->plan.load_order, draft->plan.config)});
  return ask_images(std::move(*draft), options);
}

Result<Planner::Draft> Planner::ask_libkmod(Plan plan, std::vector<Claim> claims) const {
  auto orders = prove_load_order(files_, machine_.facts, claims, plan.config);
  if (!orders) return failure_of(orders);
  return Draft{concluded(std::move(plan), std::move(orders->images_built), machine_.facts),
               {std::move(claims), std::move(orders->root_alone), std::move(orders->contests)}};
}

Result<Plan> Planner::ask_images(Draft draft, const PlanOptions& options) const {
  auto spared = spare_builds(draft.plan, draft.evidence, options);
  if (!spared) return failure_of(spared);
  draft.plan = with_images(std::move(draft.plan), std::move(*spared));
  auto added = add_images(draft.plan, draft.evidence, options);
  if (!added) return failure_of(added);
  draft.plan = with_images(std::move(draft.plan), std::move(*added));
  draft.plan.add(warn_of_hibernation(draft.plan, machine_.facts));
  draft.plan.claims = std::move(draft.evidence.claims);
  return std::move(draft.plan);
}

Result<ImagePart> Planner::spare_builds(const Plan& plan, const Evidence& evidence,
                                        const PlanOptions& options) const {
  const auto is_build = [](const Change& c) { return std::holds_alternative<RebuildInitramfs>(c); };
  if (options.force_rebuild || !plan.refusals.empty() || !has_file_changes(plan.diff) ||
      std::ranges::none_of(plan.diff, is_build)) {
    return {};
  }
  const auto& facts = machine_.facts;
  const auto intent = plan.state.intent;
  if (comes_with_image(facts.boot_loader) && changes_boot_parameters(plan.diff)) return {};
  if (!images_.can_do_without_images(evidence.claims, plan.config, intent)) return {};
  std::vector<std::string> proved;
  ImagePart part;
  for (const auto& change : plan.diff) {
    const auto* build = std::get_if<RebuildInitramfs>(&change);
    if (build == nullptr) continue;
    const auto kernel = std::ranges::find(facts.kernels, build->release, &Kernel::release);
    auto report = images_.open(*kernel, evidence, plan.config, intent);
    if (!report) return failure_of(report);
    // If one image must be rebuilt, all are, so that they contain the same.
    if (!report->root_decides) return {};
    const auto verdict = judge_image(*report, *kernel, plan.config, evidence.root_alone, intent);
    if (verdict.staged != true) return {};
    proved.push_back(build->release);
    std::ranges::move(report->orders, std::back_inserter(part.orders));
  }
  part.no_build = Note{evidence.claims.empty() ? NoteCause::rebuild_not_needed_without_card
                                               : NoteCause::rebuild_not_needed,
                       {{"kernels", words_of(proved)}}};
  return part;
}

Result<ImagePart> Planner::add_images(const Plan& plan, const Evidence& evidence,
                                      const PlanOptions& options) const {
  const bool wants_nothing = plan.state.intent == Intent::unset;
  if (wants_nothing || !plan.refusals.empty() || !plan.diff.empty()) return {};
  auto images = images_.look_into_all(evidence, plan.config, plan.state.intent);
  if (!images) return failure_of(images);
  ImagePart part;
  for (auto& order : images->orders) {
    if (images->verdicts.at(order.kernel).staged != true) continue;
    part.orders.push_back(std::move(order));
  }
  auto copies =
      images_.find_stale_copies(evidence, plan.config, plan.state.intent, images->verdicts);
  if (!copies) return failure_of(copies);
  for (auto& [release, note] : *copies) {
    images->verdicts.erase(release);
    part.notes.push_back(std::move(note));
  }
  part.add(rebuild_unproved(plan, machine_.facts, images->verdicts, options));
  return part;
}

}  // namespace vfio_switch
