// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/planner/image_judge.h"

#include <algorithm>
#include <iterator>

#include "core/binding/driver_config.h"
#include "core/images/image_need.h"
#include "core/machine/boot_entries.h"
#include "core/plan/entry_proof.h"
#include "core/tell/message_text.h"
#include "system/images/image_prover.h"
#include "system/modules/load_order_prover.h"

namespace vfio_switch {

Result<BuiltImage> ImageJudge::check_built(const Plan& plan, const RebuildInitramfs& built) const {
  const auto& facts = machine_.facts;
  const auto found = std::ranges::find(facts.kernels, built.release, &Kernel::release);
  // A kernel that was copied in part does not tell its release: nothing starts this one any more.
  if (found == facts.kernels.end()) return BuiltImage::copy_stale;
  auto orders = prove_load_order(files_, facts, plan.claims, plan.config);
  if (!orders) return failure_of(orders);
  const Evidence evidence{plan.claims, std::move(orders->root_alone), std::move(orders->contests)};
  const auto judge = [&](const Kernel& kernel) -> Result<ImageVerdict> {
    auto report = open(kernel, evidence, plan.config, plan.state.intent);
    if (!report) return failure_of(report);
    auto verdict =
        judge_image(*report, kernel, plan.config, evidence.root_alone, plan.state.intent);
    // What cannot be known of a readable image is no failure of the tool that built it.
    if (!verdict.staged && report->condition == ImageCondition::readable) verdict.staged = true;
    return verdict;
  };
  auto original = *found;
  if (!found->builds_loaded) original.loaded = {built.image};
  auto verdict = judge(original);
  if (!verdict) return failure_of(verdict);
  if (verdict->staged != true) {
    return fail(built.image + " was rebuilt but does not do what is configured: " +
                reason_text(verdict->reason.value_or(Reason())));
  }
  if (found->loaded.empty()) {
    if (!built.copies.empty()) return BuiltImage::copy_stale;
    return built.copy_command.empty() ? BuiltImage::boots : BuiltImage::copy_not_known;
  }
  if (found->builds_loaded) return BuiltImage::boots;
  verdict = judge(*found);
  if (!verdict) return failure_of(verdict);
  if (!verdict->staged) return BuiltImage::copy_not_known;
  return *verdict->staged ? BuiltImage::boots : BuiltImage::copy_stale;
}

Result<JudgedImages> ImageJudge::look_into_all(const Evidence& evidence, const DriverConfig& config,
                                               Intent intent) const {
  const auto& facts = machine_.facts;
  JudgedImages images;
  for (const auto& kernel : facts.kernels) {
    auto own = config;
    auto for_kernel = evidence;
    if (kernel.command_line) own.parameter_ids = ids_of_command_line(*kernel.command_line);
    if (own != config) {
      // The settings have ids that its entry has not got, or the other way round.
      auto orders = prove_load_order(files_, facts, kernel, evidence.claims, own);
      if (!orders) return failure_of(orders);
      for_kernel.root_alone = std::move(orders->root_alone);
      for_kernel.contests = std::move(orders->contests);
    }
    const auto& root = for_kernel.root_alone;
    auto report = open(kernel, for_kernel, own, intent);
    if (!report) return failure_of(report);
    auto& verdict = images.verdicts[kernel.release];
    verdict = judge_image(*report, kernel, own, root, intent);
    if (report->condition == ImageCondition::readable) {
      const auto& held = report->facts.modules;
      verdict.has_vfio = std::ranges::binary_search(held, std::string("vfio_pci"));
      std::ranges::move(report->orders, std::back_inserter(images.orders));
    } else {
      std::ranges::copy_if(root, std::back_inserter(images.orders),
                           [&](const LoadOrder& order) { return order.kernel == kernel.release; });
    }
  }
  return images;
}

Result<std::map<std::string, Note>> ImageJudge::find_stale_copies(
    const Evidence& evidence, const DriverConfig& config, Intent intent,
    const ImageVerdicts& verdicts) const {
  std::map<std::string, Note> stale;
  for (auto kernel : machine_.facts.kernels) {
    const auto copy = copy_of(kernel);
    const auto verdict = verdicts.find(kernel.release);
    if (!copy || verdict == verdicts.end() || verdict->second.staged != false) continue;
    kernel.loaded = {*kernel.initramfs};
    const auto report = open(kernel, evidence, config, intent);
    if (!report) return std::unexpected(report.error());
    const auto source = judge_image(*report, kernel, config, evidence.root_alone, intent);
    if (source.staged != true) continue;
    stale.emplace(kernel.release, copy_stale_note(machine_.facts, *copy, *kernel.initramfs));
  }
  return stale;
}

Result<ImageReport> ImageJudge::open(const Kernel& kernel, const Evidence& evidence,
                                     const DriverConfig& config, Intent intent) const {
  const auto& claims = evidence.claims;
  auto report = prove_image(files_, machine_.facts, kernel, evidence.contests, evidence.opened);
  if (!report || report->condition != ImageCondition::readable) return report;
  report->root_decides = can_do_without_images(claims, config, intent) &&
                         !concern_of(report->facts, kernel.release, claims);
  return report;
}

bool ImageJudge::can_do_without_images(const std::vector<Claim>& claims, const DriverConfig& config,
                                       Intent intent) const {
  const bool wanted_early = intent == Intent::enabled && machine_.settings.early;
  const auto& facts = machine_.facts;
  return !wanted_early && !need_for_images(facts, claims, current_config(facts), config);
}

}  // namespace vfio_switch
