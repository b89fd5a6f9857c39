// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/config_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/base/text.h"
#include "core/binding/adoption.h"
#include "core/binding/binding.h"
#include "core/binding/conflicts.h"
#include "core/binding/driver_config.h"
#include "core/binding/generated_files.h"
#include "core/binding/shadowing.h"
#include "core/binding/vfio_binding.h"
#include "core/cards/card.h"
#include "core/cards/extra_devices.h"
#include "core/cards/own_command.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"
#include "core/files/put_out.h"
#include "core/files/seal.h"
#include "core/plan/diff_builder.h"
#include "core/plan/image_plan.h"

namespace vfio_switch {

namespace {

/// The vfio.conf that is there before a plan.
struct FoundConf {
  /// As it was before it was put out of effect, where it was; empty where nothing of it is kept.
  std::string text;
  bool stays = false;  ///< somebody else's, and as it is
};

FoundConf found_conf(const SystemFacts& facts, const PlanOptions& options) {
  const auto found = facts.files.find(std::string(vfio_conf_path));
  if (found == facts.files.end() || std::holds_alternative<Absent>(found->second.state)) return {};
  const bool keeps = options.edited == EditedFiles::keep;
  const auto* file = std::get_if<RegularFile>(&found->second.state);
  if (file == nullptr) return {{}, keeps};
  const auto& content = file->content;
  const bool theirs = !is_unmodified(content) &&
                      (keeps || (!options.may_adopt && is_adoptable(vfio_conf_path, content)));
  const bool goes =
      options.edited == EditedFiles::overwrite && is_adoptable(vfio_conf_path, content);
  return {goes ? std::string() : put_back(content).value_or(content), theirs};
}

/// What of a vfio.conf that was there before goes on below our part.
PlanPart note_kept_lines(const PlanPart& planned, const ForeignLines& foreign) {
  const auto adopted = std::ranges::any_of(planned.notes, [](const Note& note) {
    return note.cause == NoteCause::file_adopted &&
           note.data.front() == Datum("file", Place{std::string(vfio_conf_path)});
  });
  if (!adopted || foreign.directives.empty()) return {};
  std::vector<Item> lines;
  for (const auto& line : foreign.directives) lines.emplace_back(Quotation{line.str()});
  return {.notes = {{NoteCause::lines_kept,
                     {{"file", Place{std::string(vfio_conf_path)}}, {"lines", std::move(lines)}}}}};
}

/// What is said against the selection, and where the machine itself is not ready: its IOMMU is off,
/// or it is not the one that we see.
std::vector<Refusal> refusals_of(const Selection& selection, const SystemFacts& facts) {
  auto refusals = selection.refusals;
  for (auto& refusal : refusals) {
    // What a card lacks is, to a plan, a parameter that it could add.
    if (refusal.cause == RefusalCause::iommu_needs_parameter) {
      refusal.cause = RefusalCause::iommu_parameter_missing;
    } else if (refusal.cause == RefusalCause::iommu_needs_other) {
      refusal.cause = RefusalCause::iommu_other_missing;
    }
  }
  if (facts.foreign_environment) {
    refusals.push_back({RefusalCause::foreign_environment,
                        {{"what", Reason(*facts.foreign_environment)}},
                        {Manual{ByHand::run_on_the_machine}}});
  }
  return refusals;
}

/// What the initramfs tools and systemd read beside modprobe.d.
void want_files_of_tools(DiffBuilder& builder, const SystemFacts& facts) {
  builder.want(modules_load_path,
               facts.dracut ? std::nullopt : std::optional(render_modules_load()),
               facts.dracut ? ReasonCause::copied_unordered : ReasonCause::vfio_loads_always);
  builder.want(
      mkinitcpio_conf_path,
      facts.wants_mkinitcpio_drop_in ? std::optional(render_mkinitcpio_conf()) : std::nullopt,
      facts.wants_mkinitcpio_drop_in ? ReasonCause::mkinitcpio_takes_vfio
                                     : ReasonCause::mkinitcpio_does_not_need_it);
}

/// Devices beside the card that the files gave to vfio-pci, and that they give to it no more.
PlanPart name_losses(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                     const DriverConfig& config, const State& state) {
  const VfioBinding before(current_config(facts), {});
  const VfioBinding after(config, {});
  std::vector<Item> lost;
  std::vector<std::string> again;
  for (const auto& device : facts.devices) {
    const bool of_card = std::ranges::find(functions, device.address) != functions.end();
    if (of_card || device.device_class.is_pci_bridge()) continue;
    if (!before.of(device).at_all() || after.of(device).at_all()) continue;
    lost.emplace_back(device.address);
    if (is_addable(facts, device)) {
      again.insert(again.end(), {"--add-device", device.address.str()});
    }
  }
  if (lost.empty()) return {};
  Note note{NoteCause::others_lose_vfio, {{"devices", std::move(lost)}}};
  if (state.intent == Intent::enabled && !again.empty()) note.remedy = {command_for(state, again)};
  return {.notes = {std::move(note)}};
}

PlanPart image_hindrances(const SystemFacts& facts) {
  PlanPart part;
  for (const auto& hindrance : facts.image_hindrances) {
    const Data data = {{"reason", hindrance.what.reason}};
    if (hindrance.prevents) {
      part.refusals.push_back({RefusalCause::image_tool, data, hindrance.what.remedy});
    } else {
      part.notes.push_back({NoteCause::image_tool, data, hindrance.what.remedy});
    }
  }
  return part;
}

}  // namespace

Plan plan_enable(const SystemFacts& facts, const Selection& selection,
                 const std::vector<Claim>& claims, const PlanOptions& options) {
  Plan plan;
  plan.state = {Intent::enabled, selection.cards, selection.accepted_risks};
  plan.state.extra_devices = selection.extra_devices;
  plan.refusals = refusals_of(selection, facts);
  plan.notes = selection.notes;
  plan.functions = selection.functions;
  plan.config = current_config(facts);
  if (plan.functions.empty()) return plan;
  plan.add({.notes = name_returning_disks(facts, plan.state.extra_devices)});

  std::set<std::string> claimants;
  for (const auto& claim : claims) {
    claimants.insert(claim.modules.begin(), claim.modules.end());
    claimants.insert(claim.dependants.begin(), claim.dependants.end());
  }
  std::vector<std::pair<PciAddress, PciId>> card;
  std::vector<OverrideEntry> overrides;
  std::set<PciId> ids;
  for (const auto& address : plan.functions) {
    const auto& device = *find_device(facts, address);
    card.emplace_back(address, device.id);
    overrides.push_back(make_override(device));
    ids.insert(device.id);
  }
  const auto reason = why_by_address(facts, plan.functions, claims);
  const bool by_address = reason.has_value();
  if (by_address && !facts.bind_script) {
    plan.notes.push_back(
        {NoteCause::bind_script_missing, {{"file", Place{std::string(bind_path)}}}});
  }

  DiffBuilder builder(facts, options, plan.state, ids);
  for (const auto& [path, file] : facts.files) {
    if (!is_generated(path)) builder.want(path, std::nullopt, ReasonCause::left_over);
  }
  const auto conf = found_conf(facts, options);
  const auto foreign = foreign_lines(conf.text, claimants, ids);
  // Empty, not absent: ours hides a file of that name in the directories behind /etc.
  auto others = with_file(facts.modprobe, std::string(vfio_conf_path),
                          conf.stays ? std::string() : foreign.in_place);
  others = with_file(std::move(others), std::string(softdep_conf_path), std::nullopt);
  for (const auto& path : legacy_paths) {
    others = with_file(std::move(others), std::string(path), std::nullopt);
  }
  const auto lines =
      conf.stays ? softdep_lines_beside(facts, claimants,
                                        with_file(others, std::string(vfio_conf_path), conf.text))
                 : softdep_lines(facts, claimants, others);
  builder.want(
      softdep_conf_path,
      lines.merged.empty() ? std::nullopt : std::optional(render_softdep_conf(lines.merged)),
      lines.merged.empty() ? ReasonCause::softdeps_free : ReasonCause::softdeps_overridden);
  builder.want(override_path, by_address ? std::optional(render_override(overrides)) : std::nullopt,
               by_address ? ReasonCause::functions_by_address : ReasonCause::ids_suffice);
  builder.want(vfio_conf_path,
               by_address ? render_vfio_conf_by_address(card, lines.plain, foreign.kept)
                          : render_vfio_conf(card, lines.plain, foreign.kept),
               ReasonCause::vfio_loads_first);
  want_files_of_tools(builder, facts);
  plan.add(builder.take());
  plan.add(note_kept_lines(plan, foreign));
  plan.add(image_hindrances(facts));
  plan = completed(std::move(plan), facts, options);
  const auto directives = parse_modprobe(effective_modprobe(others));
  plan.add({.refusals = find_conflicts(facts, directives, plan.functions, reason),
            .notes = find_hindrances(claims, directives)});
  plan.add(name_losses(facts, plan.functions, plan.config, plan.state));
  return plan;
}

Plan plan_disable(const SystemFacts& facts, const State& state, const PlanOptions& options) {
  Plan plan;
  plan.state = state;
  if (state.intent != Intent::unset) plan.state.intent = Intent::disabled;
  plan.functions = select(facts, kept_choice(state)).functions;
  DiffBuilder builder(facts, options, plan.state, {});
  for (const auto path : generated_paths) {
    const auto found = facts.files.find(std::string(path));
    if (found == facts.files.end()) continue;
    const auto* file = std::get_if<RegularFile>(&found->second.state);
    if (std::holds_alternative<Absent>(found->second.state)) continue;
    if (file != nullptr && !is_live(file->content)) continue;
    // Never enabled: what somebody else wrote is theirs.
    if (state.intent == Intent::unset && (file == nullptr || !is_unmodified(file->content))) {
      continue;
    }
    if (file != nullptr && !is_unmodified(file->content) && options.edited == EditedFiles::refuse) {
      builder.want_put_out(path, *file);
      continue;
    }
    builder.want(path, disabled_form(file == nullptr ? std::string() : file->content),
                 ReasonCause::commented_out);
  }
  plan.add(builder.take());
  plan.config = current_config(facts);
  const bool never_enabled = state.intent == Intent::unset && plan.diff.empty();
  if (!never_enabled) plan = completed(std::move(plan), facts, options);
  plan.add(name_losses(facts, plan.functions, plan.config, plan.state));
  return plan;
}

}  // namespace vfio_switch
