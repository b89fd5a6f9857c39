// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/command_line_plan.h"

#include <algorithm>

#include "core/binding/command_line_ids.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"
#include "core/cards/own_command.h"
#include "core/plan/image_plan.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

bool contains(const Parameters& parameters, std::string_view parameter) {
  return std::ranges::find(parameters, parameter) != parameters.end();
}

bool needs_tool(const BootLoader& loader) {
  return std::holds_alternative<Grubby>(loader) || std::holds_alternative<RpmOstree>(loader);
}

/// A unified image that has to be built by other means than ours.
Remedy build_by_hand(const Parameters& add, const Parameters& drop) {
  Remedy remedy;
  if (!drop.empty()) {
    remedy.emplace_back(
        Manual{ByHand::remove_from_image_source, {{"parameters", parameters_of(drop)}}});
  }
  if (!add.empty()) {
    remedy.emplace_back(Manual{ByHand::add_to_image_source, {{"parameters", parameters_of(add)}}});
  }
  remedy.emplace_back(Manual{ByHand::build_and_sign_image});
  remedy.emplace_back(Manual{ByHand::reboot});
  return remedy;
}

}  // namespace

void CommandLine::keep_ids() {
  for (const auto& parameter : kept_.boot_parameters) {
    if (parameter.starts_with(ids_prefix)) want(parameter);
  }
}

bool CommandLine::is_owned(std::string_view parameter) const {
  return contains(kept_.boot_parameters, parameter);
}

bool CommandLine::owns_ids() const {
  return std::ranges::any_of(kept_.boot_parameters, [](const std::string& parameter) {
    return parameter.starts_with(ids_prefix);
  });
}

bool CommandLine::is_present(std::string_view parameter) const {
  if (!is_owned(parameter) && is_present_by_others(parameter)) return true;
  return has_parameter(facts_.boot_loader, parameter) ||
         (!is_owned(parameter) && has_parameter(facts_.command_line, parameter) &&
          !will_be_lost(parameter));
}

bool CommandLine::will_be_lost(std::string_view parameter) const {
  if (!has_parameter(facts_.command_line, parameter) ||
      has_parameter(facts_.boot_loader, parameter)) {
    return false;
  }
  if (!edit_parameters(facts_.boot_loader, {std::string(parameter)}, {})) return false;
  if (std::holds_alternative<EntryGenerator>(facts_.boot_loader)) return true;
  const auto& menu = facts_.boot_menu;
  if (!menu.default_entry) return false;
  const auto& entry = menu.entries[*menu.default_entry];
  return entry.command_line && !has_parameter(*entry.command_line, parameter) &&
         !contains(entry.possible_words, parameter);
}

std::optional<std::string> CommandLine::other_ids(std::string_view parameter) const {
  const auto word = next_ids_word(facts_);
  if (!word || is_owned(*word) || is_present_by_others(parameter)) return std::nullopt;
  if (ids_parameter(*word)->cover(*ids_parameter(parameter))) return std::nullopt;
  return word;
}

CommandLinePart CommandLine::settle(const Plan& plan, const Reason& why) const {
  Parameters add;
  Parameters drop;
  Parameters ours;
  bool adds = false;
  for (const auto& parameter : wanted_) {
    const bool present = is_present(parameter);
    const bool stale = policy_.may_run && is_stale(facts_.boot_loader, parameter);
    if (!present || stale) add.push_back(parameter);
    if (!present || is_owned(parameter)) ours.push_back(parameter);
    adds = adds || (!present && !is_owned(parameter));
  }
  for (const auto& parameter : kept_.boot_parameters) {
    if (contains(wanted_, parameter)) continue;
    if (has_parameter(facts_.boot_loader, parameter)) drop.push_back(parameter);
  }
  auto part = change(plan, add, drop, adds, why);
  part.ours = part.refusals.empty() ? std::move(ours) : kept_.boot_parameters;
  return part;
}

/// A list of ids is a set: one that holds these, in any order, is as good.
bool CommandLine::is_present_by_others(std::string_view parameter) const {
  const auto wanted = ids_parameter(parameter);
  const auto given = next_boot_ids(facts_);
  return wanted && given && given->cover(*wanted);
}

CommandLinePart CommandLine::change(const Plan& plan, const Parameters& add, const Parameters& drop,
                                    bool adds, const Reason& why) const {
  if (add.empty() && drop.empty()) return {};
  const auto refusal = [](RefusalCause cause, Data data, Remedy remedy) {
    CommandLinePart part;
    part.refusals.push_back({cause, std::move(data), std::move(remedy)});
    return part;
  };
  const Datum added("parameters", parameters_of(add));
  const Datum dropped("parameters", parameters_of(drop));
  const Datum reason("reason", why);
  if (adds && !policy_.may_add) {
    return refusal(RefusalCause::parameter_not_asked, {added, reason}, {command_for(plan.state)});
  }
  if (facts_.command_line_locked) {
    const bool adding = !add.empty();
    return refusal(adding ? RefusalCause::parameter_locked : RefusalCause::change_locked,
                   adding ? Data{added, reason} : Data{dropped}, build_by_hand(add, drop));
  }
  if (needs_tool(facts_.boot_loader) && !policy_.may_run) {
    const Datum loader("loader", Word{std::string(name_of(facts_.boot_loader))});
    return refusal(RefusalCause::tool_not_run, {loader, add.empty() ? dropped : added},
                   parameter_remedy(facts_.boot_loader, add, drop));
  }
  auto edit = edit_parameters(facts_.boot_loader, add, drop);
  const bool in_image = edit && comes_with_image(facts_.boot_loader) && !edit->files.empty();
  if (in_image && !has_image()) {
    auto remedy = parameter_remedy(facts_.boot_loader, add, drop);
    remedy.emplace_back(Manual{ByHand::reboot});
    edit = std::unexpected(Obstacle{ReasonCause::unified_not_rebuilt, std::move(remedy)});
  }
  if (!edit) {
    const auto& [obstacle, remedy] = edit.error();
    const Datum because("obstacle", obstacle);
    if (add.empty()) return refusal(RefusalCause::removal_by_hand, {dropped, because}, remedy);
    return refusal(RefusalCause::parameter_by_hand, {added, reason, because}, remedy);
  }
  CommandLinePart part;
  part.settings = std::move(edit->files);
  if (in_image) part.diff = other_rebuilds(plan.diff, facts_, ReasonCause::holds_command_line);
  if (edit->run) part.diff.emplace_back(std::move(*edit->run));
  if (facts_.tpm_unlock) {
    part.notes.push_back({NoteCause::tpm_unlock,
                          {{"place", *facts_.tpm_unlock}},
                          {Manual{ByHand::have_recovery_key}}});
  }
  return part;
}

/// False where no kernel has an image that is known.
bool CommandLine::has_image() const {
  return std::ranges::any_of(facts_.kernels,
                             [](const Kernel& kernel) { return kernel.initramfs.has_value(); });
}

}  // namespace vfio_switch
