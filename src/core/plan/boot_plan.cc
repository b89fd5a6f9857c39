// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_plan.h"

#include <algorithm>
#include <iterator>

#include "core/base/text.h"
#include "core/binding/command_line_ids.h"
#include "core/binding/driver_config.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"
#include "core/cards/own_command.h"
#include "core/plan/id_parameter.h"
#include "core/plan/image_plan.h"
#include "core/plan/parameter_refusals.h"

namespace vfio_switch {

namespace {

using Parameters = std::vector<std::string>;

constexpr std::string_view iommu_parameter = "intel_iommu=on";
constexpr std::string_view pass_through_parameter = "iommu=pt";
constexpr std::string_view ids_prefix = "vfio-pci.ids=";

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

/// What the kernel's command line adds to a plan.
struct CommandLinePart : PlanPart {
  std::vector<FileChange> settings;  ///< an image that is built may hold them: they come before it
  Parameters ours;                   ///< see State::boot_parameters
};

/// One plan's command line: what is there, what is wanted, and how it comes about.
class CommandLine {
 public:
  CommandLine(const SystemFacts& facts, const State& kept, const BootPolicy& policy)
      : facts_(facts), kept_(kept), policy_(policy) {}

  void want(std::string_view parameter) { wanted_.emplace_back(parameter); }

  [[nodiscard]] bool is_owned(std::string_view parameter) const {
    return contains(kept_.boot_parameters, parameter);
  }

  /// This boot has got it, and later ones will not: the default entry lacks it, or its tool writes
  /// it without. Somebody typed it at the boot menu, or edited what is generated.
  [[nodiscard]] bool will_be_lost(std::string_view parameter) const {
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

  [[nodiscard]] bool owns_ids() const {
    return std::ranges::any_of(kept_.boot_parameters, [](const std::string& parameter) {
      return parameter.starts_with(ids_prefix);
    });
  }

  /// Wants the ids that were added before, whatever they are.
  void keep_ids() {
    for (const auto& parameter : kept_.boot_parameters) {
      if (parameter.starts_with(ids_prefix)) want(parameter);
    }
  }

  /// Somebody else's word, which counts, and without which its devices would lose vfio-pci; nothing
  /// where the next boot has none, or it gives those of `parameter` too.
  [[nodiscard]] std::optional<std::string> other_ids(std::string_view parameter) const {
    const auto word = next_ids_word(facts_);
    if (!word || is_owned(*word) || is_present_by_others(parameter)) return std::nullopt;
    if (ids_parameter(*word)->cover(*ids_parameter(parameter))) return std::nullopt;
    return word;
  }

  /// The next boot gets it. What somebody passes in a way that is not known shows in this one.
  [[nodiscard]] bool is_present(std::string_view parameter) const {
    if (!is_owned(parameter) && is_present_by_others(parameter)) return true;
    return has_parameter(facts_.boot_loader, parameter) ||
           (!is_owned(parameter) && has_parameter(facts_.command_line, parameter) &&
            !will_be_lost(parameter));
  }

  /// The changes that `plan` needs, or the refusal. `why` is what the parameters are for.
  [[nodiscard]] CommandLinePart settle(const Plan& plan, const Reason& why) const {
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

 private:
  /// A list of ids is a set: one that holds these, in any order, is as good.
  [[nodiscard]] bool is_present_by_others(std::string_view parameter) const {
    const auto wanted = ids_parameter(parameter);
    const auto given = next_boot_ids(facts_);
    return wanted && given && given->cover(*wanted);
  }

  [[nodiscard]] CommandLinePart change(const Plan& plan, const Parameters& add,
                                       const Parameters& drop, bool adds, const Reason& why) const {
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
  [[nodiscard]] bool has_image() const {
    return std::ranges::any_of(facts_.kernels,
                               [](const Kernel& kernel) { return kernel.initramfs.has_value(); });
  }

  const SystemFacts& facts_;
  const State& kept_;
  const BootPolicy& policy_;
  Parameters wanted_;
};

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

Plan with_boot_parameters(Plan plan, const SystemFacts& facts, const std::vector<Claim>& claims,
                          const State& kept, const BootPolicy& policy) {
  CommandLine line(facts, kept, policy);
  plan.command_line_locked = facts.command_line_locked;
  plan.refusals = explained(std::move(plan.refusals), facts, plan.state);
  plan.state.boot_parameters = kept.boot_parameters;
  if (plan.functions.empty()) return plan;
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
