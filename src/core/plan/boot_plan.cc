// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_plan.h"

#include <algorithm>
#include <iterator>

#include "core/binding/command_line_ids.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/parameter_edit.h"
#include "core/cards/iommu.h"
#include "core/cards/own_command.h"
#include "core/plan/command_line_plan.h"
#include "core/plan/id_parameter.h"
#include "core/plan/image_plan.h"
#include "core/plan/parameter_refusals.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

constexpr std::string_view iommu_parameter = "intel_iommu=on";
constexpr std::string_view pass_through_parameter = "iommu=pt";

bool contains(const Parameters& parameters, std::string_view parameter) {
  return std::ranges::find(parameters, parameter) != parameters.end();
}

Plan with_command_line(Plan plan, CommandLinePart line, const SystemFacts& facts) {
  const auto first_rebuild = std::ranges::find_if(plan.diff, [](const Change& change) {
    return std::holds_alternative<RebuildInitramfs>(change);
  });
  plan.diff.insert(first_rebuild, std::make_move_iterator(line.settings.begin()),
                   std::make_move_iterator(line.settings.end()));
  plan.state.boot_parameters = std::move(line.ours);
  plan.add(std::move(line));
  plan.add(refuse_unmounted(plan, facts));
  return plan;
}

/// What `enable` adds by itself, where it can.
Remedy added_by_enable(const SystemFacts& facts, const State& state, const std::string& missing) {
  const auto edit = edit_parameters(facts.boot_loader, {missing}, {});
  if (edit) return {command_for(state)};
  auto remedy = edit.error().remedy;
  remedy.emplace_back(Manual{ByHand::reboot});
  return remedy;
}

/// Where the parameter goes, or where it comes from, is the boot loader's to say.
std::vector<Refusal> explained(std::vector<Refusal> refusals, const SystemFacts& facts,
                               const State& state) {
  explain_parameters(refusals, facts);
  for (auto& refusal : refusals) {
    if (refusal.cause != RefusalCause::iommu_parameter_missing &&
        refusal.cause != RefusalCause::iommu_other_missing) {
      continue;
    }
    const auto* missing = std::get_if<Parameter>(&refusal.data.front().items.front());
    refusal.remedy = added_by_enable(facts, state, missing->text);
  }
  return refusals;
}

}  // namespace

bool is_iommu_coming(const SystemFacts& facts, const State& kept, const BootPolicy& policy) {
  const auto parameter = missing_iommu_parameter(facts);
  if (!parameter) return false;
  if (is_isolation_pending(facts)) return true;
  const bool allowed = policy.may_add || contains(kept.boot_parameters, *parameter);
  return allowed && (facts.command_line_locked ||
                     edit_parameters(facts.boot_loader, {*parameter}, {}).has_value());
}

bool is_isolation_pending(const SystemFacts& facts) {
  const auto parameter = missing_iommu_parameter(facts);
  return parameter && has_parameter(facts.boot_loader, *parameter);
}

Note isolation_note() {
  return {NoteCause::isolation_pending};
}

std::optional<Note> acs_note(const SystemFacts& facts) {
  const auto word = acs_override(facts);
  if (!word) return std::nullopt;
  return Note{NoteCause::acs_override, {{"parameter", Parameter{*word}}}};
}

Plan with_boot_parameters(Plan plan, const SystemFacts& facts, const std::vector<Claim>& claims,
                          const State& kept, const BootPolicy& policy) {
  CommandLine line(facts, kept, policy);
  plan.command_line_locked = facts.command_line_locked;
  plan.refusals = explained(std::move(plan.refusals), facts, plan.state);
  plan.state.boot_parameters = kept.boot_parameters;
  if (plan.functions.empty()) return plan;
  if (auto note = acs_note(facts)) plan.notes.push_back(std::move(*note));
  Reason why = ReasonCause::added_before;
  const bool coming = is_iommu_coming(facts, kept, policy);
  const bool lost =
      facts.iommu_table == IommuTable::dmar && policy.may_add && line.will_be_lost(iommu_parameter);
  if (coming || lost || line.is_owned(iommu_parameter)) line.want(iommu_parameter);
  if (lost) why = ReasonCause::not_in_settings;
  if (coming) {
    why = ReasonCause::iommu_off;
    plan.notes.push_back(isolation_note());
  }
  if (policy.pass_through) {
    line.want(pass_through_parameter);
    if (!coming) {
      why = {ReasonCause::settings_ask,
             {{"place", Place{"/etc/vfio-switch.conf"}}, {"setting", Word{"iommu = pt"}}}};
    }
  }
  if (const auto ids = id_parameter(facts, plan.functions, claims)) {
    if (!coming) {
      const auto kernel = std::ranges::find(facts.kernels, ModuleForm::built_in, &Kernel::vfio_pci);
      why = {ReasonCause::vfio_built_in, {{"kernel", Word{kernel->release}}}};
    }
    if (const auto former = line.other_ids(*ids)) {
      line.keep_ids();
      plan.refusals.push_back(refuse_second_ids(facts, plan.functions, *ids, *former, why));
    } else {
      line.want(*ids);
      if (!line.is_present(*ids)) plan.config.parameter_ids = ids_parameter(*ids);
    }
    plan.add({.notes = explain_built_in(facts, claims)});
  } else if (line.owns_ids()) {
    plan.config.parameter_ids.reset();
  }
  auto settled = line.settle(plan, why);
  plan = with_command_line(std::move(plan), std::move(settled), facts);
  if (facts.command_line_locked) {
    plan.notes.push_back({NoteCause::no_escape});
  }
  return plan;
}

Plan without_id_parameter(Plan plan, const SystemFacts& facts, const State& kept,
                          const BootPolicy& policy) {
  CommandLine line(facts, kept, policy);
  plan.command_line_locked = facts.command_line_locked;
  for (const auto& parameter : kept.boot_parameters) {
    if (!parameter.starts_with(ids_prefix) && line.is_present(parameter)) line.want(parameter);
  }
  auto settled = line.settle(plan, ReasonCause::added_before);
  plan = with_command_line(std::move(plan), std::move(settled), facts);
  if (line.owns_ids()) plan.config.parameter_ids.reset();
  return plan;
}

}  // namespace vfio_switch
