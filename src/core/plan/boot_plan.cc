// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/parameter_edit.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"

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

/// vfio-pci.ids= for a card that is bound by ids, where vfio-pci is built into a kernel.
std::optional<std::string> id_parameter(const Plan& plan, const SystemFacts& facts,
                                        const std::vector<Claim>& claims) {
  const bool built_in = std::ranges::any_of(
      facts.kernels, [](const Kernel& kernel) { return kernel.vfio_pci == ModuleForm::built_in; });
  if (!built_in || plan.functions.empty() ||
      choose_binding(facts, plan.functions, claims) != Binding::ids) {
    return std::nullopt;
  }
  std::set<PciId> ids;
  for (const auto& address : plan.functions) ids.insert(find_device(facts, address)->id);
  Parameters words;
  for (const auto id : ids) words.push_back(id.str());
  return std::string(ids_prefix) + join(words, ",");
}

/// One plan's command line: what is there, what is wanted, and how it comes about.
class CommandLine {
 public:
  CommandLine(Plan& plan, const SystemFacts& facts, const State& kept, const BootPolicy& policy)
      : plan_(plan), facts_(facts), kept_(kept), policy_(policy) {}

  void want(std::string_view parameter) { wanted_.emplace_back(parameter); }

  [[nodiscard]] bool is_owned(std::string_view parameter) const {
    return contains(kept_.boot_parameters, parameter);
  }

  [[nodiscard]] bool owns_ids() const {
    return std::ranges::any_of(kept_.boot_parameters, [](const std::string& parameter) {
      return parameter.starts_with(ids_prefix);
    });
  }

  /// The next boot gets it. What somebody passes in a way that is not known shows in this one.
  [[nodiscard]] bool is_present(std::string_view parameter) const {
    return has_parameter(facts_.boot_loader, parameter) ||
           (!is_owned(parameter) && has_parameter(facts_.command_line, parameter));
  }

  /// Adds the changes to the plan, or the refusal. `why` names what the parameters are for.
  void settle(const std::string& why) {
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
    plan_.state.boot_parameters = kept_.boot_parameters;
    if (!refuse(add, drop, adds, why)) plan_.state.boot_parameters = std::move(ours);
  }

 private:
  /// True if it had to refuse; else the changes are in the plan.
  bool refuse(const Parameters& add, const Parameters& drop, bool adds, const std::string& why) {
    if (add.empty() && drop.empty()) return false;
    const auto words = join(add, " ");
    const auto refusal = [&](RefusalCode code, const std::string& message) {
      plan_.refusals.push_back({code, why + message, {}});
      return true;
    };
    if (adds && !policy_.may_add) {
      return refusal(RefusalCode::boot_parameter, "the kernel command line needs " + words +
                                                      ", which 'vfio-switch enable' adds");
    }
    if (facts_.command_line_locked) {
      return refusal(
          RefusalCode::cmdline_locked,
          "the kernel command line needs " + (words.empty() ? "a change" : words) +
              ", and Secure Boot locks it into a signed unified image: add it to what that image "
              "is built from, build and sign it, and reboot; there is no way to try it, or to get "
              "round it, at the boot menu");
    }
    if (needs_tool(facts_.boot_loader) && !policy_.may_run) {
      return refusal(RefusalCode::boot_parameter, std::string(name_of(facts_.boot_loader)) +
                                                      " has to change the kernel command "
                                                      "line: use --rebuild");
    }
    auto edit = edit_parameters(facts_.boot_loader, add, drop);
    if (!edit) {
      return refusal(RefusalCode::boot_parameter,
                     (words.empty() ? std::string()
                                    : "the kernel command line needs " + words +
                                          ", which has to be added by hand, since ") +
                         edit.error());
    }
    return add_changes(std::move(*edit), why);
  }

  bool add_changes(ParameterEdit edit, const std::string& why) {
    const bool unified = std::holds_alternative<UnifiedImage>(facts_.boot_loader);
    if (unified && !edit.files.empty() && !add_rebuilds()) {
      plan_.refusals.push_back({RefusalCode::boot_parameter,
                                why + edit.files.front().path + " needs " +
                                    edit.files.front().reason.substr(std::string("adds ").size()) +
                                    ", and then the unified kernel image has to be built anew: "
                                    "how is not known here",
                                {}});
      return true;
    }
    const auto first_rebuild = std::ranges::find_if(plan_.diff, [](const Change& change) {
      return std::holds_alternative<RebuildInitramfs>(change);
    });
    plan_.diff.insert(first_rebuild, std::make_move_iterator(edit.files.begin()),
                      std::make_move_iterator(edit.files.end()));
    if (edit.run) plan_.diff.emplace_back(std::move(*edit.run));
    refuse_unmounted(plan_, facts_);
    if (facts_.tpm_unlock) {
      plan_.notes.push_back(*facts_.tpm_unlock +
                            " has the TPM unlock a disk: where its key is bound to the command "
                            "line, the next boot asks for the recovery key, so have it at hand");
    }
    return false;
  }

  /// False where no kernel has an image that is known.
  bool add_rebuilds() {
    bool any = false;
    for (const auto& kernel : facts_.kernels) {
      if (!kernel.initramfs) continue;
      any = true;
      const bool planned = std::ranges::any_of(plan_.diff, [&](const Change& change) {
        const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
        return rebuild != nullptr && rebuild->image == *kernel.initramfs;
      });
      if (planned) continue;
      plan_.diff.emplace_back(
          RebuildInitramfs{kernel.release, *kernel.initramfs, "it holds the kernel command line"});
    }
    return any;
  }

  Plan& plan_;
  const SystemFacts& facts_;
  const State& kept_;
  const BootPolicy& policy_;
  Parameters wanted_;
};

/// A refusal for want of a parameter says where that goes.
void explain_refusals(Plan& plan, const SystemFacts& facts) {
  const auto parameter = missing_iommu_parameter(facts);
  for (auto& refusal : plan.refusals) {
    if (refusal.code == RefusalCode::iommu_off && !parameter) {
      for (const std::string_view off : {"intel_iommu=off", "amd_iommu=off", "iommu=off"}) {
        if (refusal.message.find(off) == std::string::npos) continue;
        if (const auto where = where_said(facts.boot_loader, off)) refusal.message += ", " + *where;
        break;
      }
    }
    if (refusal.code != RefusalCode::boot_parameter || !parameter) continue;
    const auto edit = edit_parameters(facts.boot_loader, {*parameter}, {});
    const auto said = "add " + *parameter + " to the kernel command line, reboot, and try again";
    const auto where = refusal.message.find(said);
    if (where == std::string::npos) continue;
    refusal.message.replace(
        where, said.size(),
        "the kernel command line needs " + *parameter +
            (edit ? ", which 'vfio-switch enable' adds" : "; " + edit.error() + ", then reboot"));
  }
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

std::string isolation_note() {
  return "the IOMMU is off until the reboot: whether the card is isolated can be judged only then";
}

void plan_boot_parameters(Plan& plan, const SystemFacts& facts, const std::vector<Claim>& claims,
                          const State& kept, const BootPolicy& policy) {
  CommandLine line(plan, facts, kept, policy);
  plan.command_line_locked = facts.command_line_locked;
  explain_refusals(plan, facts);
  plan.state.boot_parameters = kept.boot_parameters;
  if (plan.functions.empty()) return;
  std::string why;
  const bool coming = is_iommu_coming(facts, kept, policy);
  if (coming || line.is_owned(iommu_parameter)) line.want(iommu_parameter);
  if (coming) {
    why = "the IOMMU is off: ";
    plan.notes.push_back(isolation_note());
  }
  if (policy.pass_through) line.want(pass_through_parameter);
  if (const auto ids = id_parameter(plan, facts, claims)) {
    if (why.empty()) {
      const auto kernel = std::ranges::find(facts.kernels, ModuleForm::built_in, &Kernel::vfio_pci);
      why = "vfio-pci is built into kernel " + kernel->release +
            ", where modprobe.d does not reach it: ";
    }
    line.want(*ids);
    plan.config.parameter_ids = ids->substr(ids_prefix.size());
  } else if (line.owns_ids()) {
    plan.config.parameter_ids.reset();
  }
  line.settle(why);
  if (facts.command_line_locked) {
    plan.notes.emplace_back(
        "Secure Boot locks the kernel command line into a signed unified image: one boot without "
        "passthrough cannot be asked for at the boot menu, there is no such escape here");
  }
}

void drop_id_parameter(Plan& plan, const SystemFacts& facts, const State& kept,
                       const BootPolicy& policy) {
  CommandLine line(plan, facts, kept, policy);
  plan.command_line_locked = facts.command_line_locked;
  for (const auto& parameter : kept.boot_parameters) {
    if (!parameter.starts_with(ids_prefix) && line.is_present(parameter)) line.want(parameter);
  }
  line.settle({});
  plan.config.parameter_ids.reset();
}

}  // namespace vfio_switch
