// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/base/line_diff.h"
#include "core/base/text.h"
#include "core/binding/binding.h"
#include "core/binding/conflicts.h"
#include "core/binding/driver_config.h"
#include "core/binding/generated_files.h"
#include "core/binding/shadowing.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"
#include "core/files/own_paths.h"
#include "core/files/put_out.h"
#include "core/files/seal.h"

namespace vfio_switch {

namespace {

/// Collects the changes of a plan, and the refusals of files that are not ours to change.
class DiffBuilder {
 public:
  DiffBuilder(const SystemFacts& facts, const PlanOptions& options, std::set<PciId> ids)
      : facts_(facts), options_(options), ids_(std::move(ids)) {}

  /// Wants `content` at `path`; nothing: no file.
  void want(std::string_view path, const std::optional<std::string>& content, std::string reason) {
    const auto found = facts_.files.find(std::string(path));
    const FileState before = found == facts_.files.end() ? FileState() : found->second.state;
    const auto* file = std::get_if<RegularFile>(&before);
    if (!content && std::holds_alternative<Absent>(before)) return;
    if (content && file != nullptr && file->content == *content) return;
    if (file != nullptr && was_put_out(std::string(path), *file, content)) return;
    if (!may_replace(std::string(path), before, content.value_or(std::string()))) return;
    FileState after;
    if (content) after = RegularFile{*content, 0644, 0, 0};
    diff_.emplace_back(FileChange{std::string(path), before, after, std::move(reason)});
  }

  Diff take_diff() { return std::move(diff_); }
  std::vector<Refusal> take_refusals() { return std::move(refusals_); }
  std::vector<std::string> take_notes() { return std::move(notes_); }

  /// Wants an edited file of ours out of effect, and no byte of it lost.
  void want_put_out(std::string_view path, const RegularFile& file) {
    auto after = file;
    after.modified = 0;
    after.content = put_out(path, file.content);
    diff_.emplace_back(FileChange{std::string(path), file, std::move(after),
                                  "every line commented out, since somebody has edited it"});
    notes_.push_back(std::string(path) + " was edited since: '" + put_back_command(path) +
                     "' takes back that it is commented out");
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
      diff_.emplace_back(FileChange{path, file, std::move(after), "in effect again, as it was"});
    } else if (wanted) {
      refusals_.push_back(
          {RefusalCode::user_edited,
           path + " was edited, and then commented out; --force-ours replaces it "
                  "(rollback restores it), --keep-mine has it in effect again",
           {},
           unified_diff(*theirs, *wanted, path + " as it was edited", path + " by vfio-switch")});
    }
    return true;
  }

  bool may_replace(const std::string& path, const FileState& before, const std::string& wanted) {
    if (std::holds_alternative<Absent>(before) || !is_generated(path)) return true;
    const auto* file = std::get_if<RegularFile>(&before);
    if (file != nullptr && is_unmodified(file->content)) return true;
    if (file != nullptr && is_adoptable(path, file->content, ids_)) {
      notes_.push_back(path + " was there before; it is replaced, and rollback restores it");
      return true;
    }
    const bool is_directory = std::holds_alternative<Directory>(before);
    if (options_.edited == EditedFiles::overwrite && !is_directory) return true;
    if (is_directory && options_.edited != EditedFiles::keep) {
      refusals_.push_back({RefusalCode::user_edited,
                           path + " is a directory: move it away, or leave it with --keep-mine",
                           {}});
    } else if (options_.edited == EditedFiles::refuse) {
      refusals_.push_back(
          {RefusalCode::user_edited,
           path +
               (file == nullptr ? " is not a regular file"
                                : " was not written by vfio-switch, "
                                  "or was edited since") +
               "; --force-ours replaces it (rollback restores it), --keep-mine leaves it",
           {},
           file == nullptr ? std::string()
                           : unified_diff(file->content, wanted, path + " as it is",
                                          path + " by vfio-switch")});
    } else {
      notes_.push_back(path + " is left as it is");
    }
    return false;
  }

  const SystemFacts& facts_;
  const PlanOptions& options_;
  std::set<PciId> ids_;
  Diff diff_;
  std::vector<Refusal> refusals_;
  std::vector<std::string> notes_;
};

DriverConfig config_after(DriverConfig config, const Diff& diff) {
  constexpr std::string_view directory = "/etc/modprobe.d/";
  for (const auto& change : diff) {
    const auto* file = std::get_if<FileChange>(&change);
    if (file == nullptr) continue;
    const auto* after = std::get_if<RegularFile>(&file->after);
    const auto content = after == nullptr ? std::nullopt : std::optional(after->content);
    if (file->path == override_path) config.overrides = parse_override(content.value_or(""));
    if (!file->path.starts_with(directory)) continue;
    config.modprobe = with_file(std::move(config.modprobe), file->path, content);
  }
  return config;
}

/// Adds a rebuild of the image of `kernel`, if it has one and the caller does not build it.
void add_rebuild(const Kernel& kernel, const PlanOptions& options, std::string reason, Diff& diff) {
  if (!kernel.initramfs || kernel.release == options.built_elsewhere) return;
  diff.emplace_back(RebuildInitramfs{kernel.release, *kernel.initramfs, std::move(reason)});
}

/// Where the machine itself is not ready: its IOMMU is off, or it is not the one that we see.
void refuse_surroundings(Plan& plan, const SystemFacts& facts) {
  if (missing_iommu_parameter(facts)) {
    for (auto& refusal : plan.refusals) {
      if (refusal.code == RefusalCode::iommu_off) refusal.code = RefusalCode::boot_parameter;
    }
  }
  if (facts.foreign_environment) {
    plan.refusals.push_back({RefusalCode::foreign_environment,
                             "this is " + *facts.foreign_environment +
                                 ": the hardware that it shows may be another system's",
                             {}});
  }
}

/// What the initramfs tools and systemd read beside modprobe.d.
void want_files_of_tools(DiffBuilder& builder, const SystemFacts& facts) {
  builder.want(modules_load_path,
               facts.modules_load_in_image ? std::nullopt : std::optional(render_modules_load()),
               facts.modules_load_in_image
                   ? "it would be copied into the image, beside what loads vfio-pci in order there"
                   : "vfio-pci loads even where no driver asks for the card");
  builder.want(
      mkinitcpio_conf_path,
      facts.wants_mkinitcpio_drop_in ? std::optional(render_mkinitcpio_conf()) : std::nullopt,
      facts.wants_mkinitcpio_drop_in ? "mkinitcpio puts vfio-pci into the images"
                                     : "mkinitcpio does not need it");
}

void add_image_hindrances(Plan& plan, const SystemFacts& facts) {
  for (const auto& hindrance : facts.image_hindrances) {
    if (hindrance.prevents) {
      plan.refusals.push_back({RefusalCode::config_conflict, hindrance.message, {}});
    } else {
      plan.notes.push_back(hindrance.message);
    }
  }
}

}  // namespace

std::string_view Plan::outcome() const {
  if (!refusals.empty()) return "refused";
  return diff.empty() ? "nothing" : "change";
}

Plan plan_enable(const SystemFacts& facts, const Selection& selection,
                 const std::vector<Claim>& claims, const PlanOptions& options) {
  Plan plan;
  plan.state = {Intent::enabled, selection.cards, {}};
  plan.refusals = selection.refusals;
  plan.notes = selection.notes;
  plan.functions = selection.functions;
  plan.config = current_config(facts);
  refuse_surroundings(plan, facts);
  if (plan.functions.empty()) return plan;

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
  const auto binding = choose_binding(facts, plan.functions, claims);
  const bool by_address = binding == Binding::address;
  if (by_address && !facts.bind_script) {
    plan.notes.push_back(std::string(bind_path) +
                         " is missing: without the package the host keeps the card");
  }

  DiffBuilder builder(facts, options, ids);
  for (const auto& [path, file] : facts.files) {
    if (!is_generated(path)) builder.want(path, std::nullopt, "left over from the older set-up");
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
      lines.merged.empty() ? "no softdep line is shadowed any more"
                           : "other files' softdep lines would shadow those in vfio.conf");
  builder.want(override_path, by_address ? std::optional(render_override(overrides)) : std::nullopt,
               by_address ? "the functions that vfio-pci gets by address"
                          : "the ids alone tell the card from every other device");
  builder.want(vfio_conf_path,
               by_address ? render_vfio_conf_by_address(card, lines.plain)
                          : render_vfio_conf(card, lines.plain),
               "vfio-pci loads before the drivers that could claim the card");
  want_files_of_tools(builder, facts);
  plan.diff = builder.take_diff();
  std::ranges::move(builder.take_refusals(), std::back_inserter(plan.refusals));
  std::ranges::move(builder.take_notes(), std::back_inserter(plan.notes));
  add_image_hindrances(plan, facts);
  complete_plan(plan, facts, options);
  const auto directives = parse_modprobe(effective_modprobe(others));
  std::ranges::move(find_conflicts(facts, directives, ids, binding),
                    std::back_inserter(plan.refusals));
  std::ranges::move(find_hindrances(claims, directives), std::back_inserter(plan.notes));
  return plan;
}

Plan plan_disable(const SystemFacts& facts, const State& state, const PlanOptions& options) {
  Plan plan;
  plan.state = state;
  if (state.intent != Intent::unset) plan.state.intent = Intent::disabled;
  const auto selection = select(facts, {{}, state.cards, {}});
  plan.functions = selection.functions;
  DiffBuilder builder(facts, options, {});
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
                 "commented out: the host's drivers take the card");
  }
  plan.diff = builder.take_diff();
  plan.refusals = builder.take_refusals();
  plan.notes = builder.take_notes();
  plan.config = current_config(facts);
  const bool never_enabled = state.intent == Intent::unset && plan.diff.empty();
  if (!never_enabled) complete_plan(plan, facts, options);
  return plan;
}

void complete_plan(Plan& plan, const SystemFacts& facts, const PlanOptions& options) {
  plan.config = config_after(current_config(facts), plan.diff);
  const bool changes = has_file_changes(plan.diff);
  for (const auto& kernel : facts.kernels) {
    if (!changes && !options.force_rebuild) break;
    add_rebuild(kernel, options,
                changes ? "its copy of the configuration changes" : "--rebuild asks for it",
                plan.diff);
  }
  refuse_unmounted(plan, facts);
}

void refuse_unmounted(Plan& plan, const SystemFacts& facts) {
  const bool said = std::ranges::find(plan.refusals, RefusalCode::boot_not_mounted,
                                      &Refusal::code) != plan.refusals.end();
  if (plan.diff.empty() || facts.unmounted.empty() || said) return;
  plan.refusals.push_back({RefusalCode::boot_not_mounted,
                           enumerate(facts.unmounted) +
                               " should be mounted (/etc/fstab says so) and is not: mount it first",
                           {}});
}

void rebuild_unproved(Plan& plan, const SystemFacts& facts, const ImageVerdicts& images,
                      const PlanOptions& options) {
  if (!plan.refusals.empty() || !plan.diff.empty() || !options.can_rebuild) return;
  for (const auto& kernel : facts.kernels) {
    const auto verdict = images.find(kernel.release);
    if (verdict == images.end() || verdict->second.staged != false) continue;
    add_rebuild(kernel, options, verdict->second.reason, plan.diff);
  }
  refuse_unmounted(plan, facts);
  if (!plan.refusals.empty()) plan.diff.clear();
}

namespace {

/// Refuses what libkmod does not confirm: vfio-pci first for every function, in every kernel that
/// has it.
void refuse_unproved(Plan& plan, const std::vector<Kernel>& kernels) {
  for (const auto& order : plan.load_order) {
    const auto kernel = std::ranges::find(kernels, order.kernel, &Kernel::release);
    if (order.proved && (order.vfio_wins() || kernel->vfio_pci == ModuleForm::missing)) continue;
    std::string hint;
    if (const auto line = shadowing_line(plan.config.modprobe, *kernel, order)) {
      hint = " (" + *line + " has the softdep that counts; rename or remove it)";
    }
    plan.refusals.push_back({RefusalCode::config_conflict,
                             "it cannot be shown that vfio-pci would get " + order.device.str() +
                                 " in kernel " + order.kernel + ": " + order.reason + hint,
                             {order.device}});
  }
}

}  // namespace

void conclude(Plan& plan, std::vector<LoadOrder> orders, const std::vector<Kernel>& kernels) {
  plan.load_order = std::move(orders);
  if (plan.state.intent == Intent::enabled && plan.refusals.empty()) {
    refuse_unproved(plan, kernels);
  }
  // What is refused is not offered either: its ids might be a device's of the host.
  if (!plan.refusals.empty()) plan.diff.clear();
}

}  // namespace vfio_switch
