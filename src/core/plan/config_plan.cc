// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/config_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/base/line_diff.h"
#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/binding/command_line_ids.h"
#include "core/binding/conflicts.h"
#include "core/binding/driver_config.h"
#include "core/binding/generated_files.h"
#include "core/binding/shadowing.h"
#include "core/binding/vfio_binding.h"
#include "core/cards/card.h"
#include "core/cards/own_command.h"
#include "core/files/own_paths.h"
#include "core/files/put_out.h"
#include "core/files/seal.h"
#include "core/plan/image_plan.h"

namespace vfio_switch {

namespace {

/// Collects the changes of a plan, and the refusals of files that are not ours to change.
class DiffBuilder {
 public:
  /// `state` is what the plan is for: its command is what a person types.
  DiffBuilder(const SystemFacts& facts, const PlanOptions& options, const State& state,
              std::set<PciId> ids)
      : facts_(facts), options_(options), state_(state), ids_(std::move(ids)) {}

  /// Wants `content` at `path`; nothing: no file.
  void want(std::string_view path, const std::optional<std::string>& content, Reason reason) {
    const auto found = facts_.files.find(std::string(path));
    const FileState before = found == facts_.files.end() ? FileState() : found->second.state;
    const auto* file = std::get_if<RegularFile>(&before);
    if (!content && std::holds_alternative<Absent>(before)) return;
    if (content && file != nullptr && file->content == *content) return;
    if (file != nullptr && was_put_out(std::string(path), *file, content)) return;
    if (!may_replace(std::string(path), before, content.value_or(std::string()))) return;
    FileState after;
    if (content) after = RegularFile{*content, 0644, 0, 0};
    part_.diff.emplace_back(FileChange{std::string(path), before, after, std::move(reason)});
  }

  PlanPart take() { return std::move(part_); }

  /// Wants an edited file of ours out of effect, and no byte of it lost.
  void want_put_out(std::string_view path, const RegularFile& file) {
    auto after = file;
    after.modified = 0;
    after.content = put_out(path, file.content);
    part_.diff.emplace_back(
        FileChange{std::string(path), file, std::move(after), ReasonCause::put_out_of_effect});
    part_.notes.push_back({NoteCause::file_put_out,
                           {{"file", Place{std::string(path)}}},
                           {Run{{put_back_arguments(path)}}}});
  }

 private:
  /// Of a file that want_put_out() was about somebody's own lines come back first. True where that
  /// is all that is done.
  bool was_put_out(const std::string& path, const RegularFile& file,
                   const std::optional<std::string>& wanted) {
    const auto theirs = put_back(file.content);
    if (!theirs || options_.edited == EditedFiles::overwrite) return false;
    if (options_.edited == EditedFiles::keep) {
      auto after = file;
      after.modified = 0;
      after.content = *theirs;
      part_.diff.emplace_back(FileChange{path, file, std::move(after), ReasonCause::put_back});
    } else if (wanted) {
      part_.refusals.push_back(
          {RefusalCause::file_put_out,
           {{"file", Place{path}}},
           replace_or_keep(),
           {},
           unified_diff(*theirs, *wanted, path + " as it was edited", path + " by vfio-switch")});
    }
    return true;
  }

  [[nodiscard]] Remedy replace_or_keep(const std::vector<PciAddress>& losing = {}) const {
    Remedy remedy = {command_for(state_, {"--force-ours"})};
    std::ranges::move(mind_losses(losing), std::back_inserter(remedy));
    add_way(remedy, {command_for(state_, {"--keep-mine"})});
    return remedy;
  }

  /// The devices beside the card that the file gives to vfio-pci, and that `wanted` does not.
  [[nodiscard]] std::vector<PciAddress> losing(const std::string& path, std::string_view content,
                                               std::string_view wanted) const {
    const auto ids_in = [&](std::string_view text) {
      return ids_of_modprobe(parse_modprobe(ModprobeFile{path, std::string(text)}))
          .value_or(VfioIds());
    };
    const auto after = ids_in(wanted);
    auto others = others_given(facts_, {}, ids_in(content));
    std::erase_if(others, [&](const PciAddress& address) {
      const auto& device = *find_device(facts_, address);
      return ids_.contains(device.id) || after.match(device);
    });
    return others;
  }

  bool may_replace(const std::string& path, const FileState& before, const std::string& wanted) {
    if (std::holds_alternative<Absent>(before) || !is_generated(path)) return true;
    const auto* file = std::get_if<RegularFile>(&before);
    if (file != nullptr && is_unmodified(file->content)) return true;
    if (file != nullptr && is_adoptable(path, file->content, ids_)) {
      part_.notes.push_back({NoteCause::file_adopted, {{"file", Place{path}}}});
      return true;
    }
    const bool is_directory = std::holds_alternative<Directory>(before);
    if (options_.edited == EditedFiles::overwrite && !is_directory) return true;
    const Data data = {{"file", Place{path}}};
    if (is_directory && options_.edited != EditedFiles::keep) {
      Remedy remedy = {Manual{ByHand::move_away, data}};
      add_way(remedy, {command_for(state_, {"--keep-mine"})});
      part_.refusals.push_back({RefusalCause::file_is_directory, data, std::move(remedy)});
    } else if (options_.edited == EditedFiles::refuse) {
      if (file == nullptr) {
        part_.refusals.push_back({RefusalCause::file_not_regular, data, replace_or_keep()});
      } else {
        part_.refusals.push_back(
            {RefusalCause::file_edited,
             data,
             replace_or_keep(losing(path, file->content, wanted)),
             {},
             unified_diff(file->content, wanted, path + " as it is", path + " by vfio-switch")});
      }
    } else {
      part_.notes.push_back({NoteCause::file_left, data});
    }
    return false;
  }

  const SystemFacts& facts_;
  const PlanOptions& options_;
  const State& state_;
  std::set<PciId> ids_;
  PlanPart part_;
};

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
                     const DriverConfig& config) {
  const VfioBinding before(current_config(facts), {});
  const VfioBinding after(config, {});
  std::vector<Item> lost;
  for (const auto& device : facts.devices) {
    const bool of_card = std::ranges::find(functions, device.address) != functions.end();
    if (of_card || device.device_class.is_pci_bridge()) continue;
    if (before.of(device).at_all() && !after.of(device).at_all()) lost.emplace_back(device.address);
  }
  PlanPart part;
  if (!lost.empty()) {
    part.notes.push_back({NoteCause::others_lose_vfio, {{"devices", std::move(lost)}}});
  }
  return part;
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
  // Empty, not absent: ours hides a file of that name in the directories behind /etc.
  auto others = with_file(facts.modprobe, std::string(vfio_conf_path), std::string());
  others = with_file(std::move(others), std::string(softdep_conf_path), std::nullopt);
  for (const auto& path : legacy_paths) {
    others = with_file(std::move(others), std::string(path), std::nullopt);
  }
  const auto lines = softdep_lines(facts, claimants, others);
  builder.want(
      softdep_conf_path,
      lines.merged.empty() ? std::nullopt : std::optional(render_softdep_conf(lines.merged)),
      lines.merged.empty() ? ReasonCause::softdeps_free : ReasonCause::softdeps_overridden);
  builder.want(override_path, by_address ? std::optional(render_override(overrides)) : std::nullopt,
               by_address ? ReasonCause::functions_by_address : ReasonCause::ids_suffice);
  builder.want(vfio_conf_path,
               by_address ? render_vfio_conf_by_address(card, lines.plain)
                          : render_vfio_conf(card, lines.plain),
               ReasonCause::vfio_loads_first);
  want_files_of_tools(builder, facts);
  plan.add(builder.take());
  plan.add(image_hindrances(facts));
  plan = completed(std::move(plan), facts, options);
  const auto directives = parse_modprobe(effective_modprobe(others));
  plan.add({.refusals = find_conflicts(facts, directives, plan.functions, reason),
            .notes = find_hindrances(claims, directives)});
  plan.add(name_losses(facts, plan.functions, plan.config));
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
    if (file != nullptr && is_inert(file->content)) continue;
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
  plan.add(name_losses(facts, plan.functions, plan.config));
  return plan;
}

}  // namespace vfio_switch
