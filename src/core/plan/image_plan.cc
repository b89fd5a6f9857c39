// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/image_plan.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"
#include "core/machine/boot_entries.h"

namespace vfio_switch {

namespace {

/// Our file among those that load modules by name: the program writes it with vfio-pci alone.
void set_list(std::vector<EarlyModule>& lists, const std::optional<std::string>& content) {
  std::erase_if(lists, [](const EarlyModule& one) { return one.where.path == modules_load_path; });
  if (content && !is_inert(*content)) {
    lists.push_back({"vfio_pci", {std::string(modules_load_path)}});
  }
}

DriverConfig config_after(DriverConfig config, const Diff& diff) {
  constexpr std::string_view directory = "/etc/modprobe.d/";
  for (const auto& change : diff) {
    const auto* file = std::get_if<FileChange>(&change);
    if (file == nullptr) continue;
    const auto* after = std::get_if<RegularFile>(&file->after);
    const auto content = after == nullptr ? std::nullopt : std::optional(after->content);
    if (file->path == override_path) config.overrides = parse_override(content.value_or(""));
    if (file->path == modules_load_path) set_list(config.lists, content);
    if (!file->path.starts_with(directory)) continue;
    config.modprobe = with_file(std::move(config.modprobe), file->path, content);
  }
  return config;
}

bool is_rebuild(const Change& change) {
  return std::holds_alternative<RebuildInitramfs>(change);
}

bool rebuilds(const Diff& diff, std::string_view image) {
  return std::ranges::any_of(diff, [&](const Change& change) {
    const auto* rebuild = std::get_if<RebuildInitramfs>(&change);
    return rebuild != nullptr && rebuild->image == image;
  });
}

/// Adds a rebuild of the image of `kernel`, if it has one and the caller does not build it. One
/// that several kernels seem to share is built once, for the newest.
void add_rebuild(const Kernel& kernel, EntryTool copier, const PlanOptions& options, Reason reason,
                 Diff& diff) {
  if (!kernel.initramfs || kernel.release == options.built_elsewhere) return;
  if (rebuilds(diff, *kernel.initramfs)) return;
  RebuildInitramfs build{kernel.release, *kernel.initramfs, std::move(reason), kernel.copies, {}};
  // What Proxmox's boot loader reads is nowhere to be seen.
  const bool is_copied = !kernel.builds_loaded || copier == EntryTool::proxmox;
  if (is_copied) build.copy_command = copy_command(copier);
  diff.emplace_back(std::move(build));
}

}  // namespace

Diff other_rebuilds(const Diff& planned, const SystemFacts& facts, const Reason& reason) {
  Diff others;
  for (const auto& kernel : facts.kernels) {
    if (!kernel.initramfs || rebuilds(planned, *kernel.initramfs)) continue;
    add_rebuild(kernel, facts.entry_tool, {}, reason, others);
  }
  return others;
}

Plan completed(Plan plan, const SystemFacts& facts, const PlanOptions& options) {
  plan.config = config_after(current_config(facts), plan.diff);
  const bool changes = has_file_changes(plan.diff);
  for (const auto* kernel : in_build_order(facts)) {
    if (!changes && !options.force_rebuild) break;
    add_rebuild(*kernel, facts.entry_tool, options,
                changes ? ReasonCause::configuration_changes : ReasonCause::rebuild_asked,
                plan.diff);
  }
  plan.add(refuse_unmounted(plan, facts));
  return plan;
}

PlanPart rebuild_unproved(const PlanPart& planned, const SystemFacts& facts,
                          const ImageVerdicts& images, const PlanOptions& options) {
  PlanPart part;
  if (!planned.refusals.empty() || !planned.diff.empty() || !options.can_rebuild) return part;
  for (const auto* kernel : in_build_order(facts)) {
    const auto verdict = images.find(kernel->release);
    if (verdict == images.end() || verdict->second.staged != false) continue;
    add_rebuild(*kernel, facts.entry_tool, options, verdict->second.reason.value_or(Reason()),
                part.diff);
  }
  part.add(refuse_unmounted(part, facts));
  if (!part.refusals.empty()) part.diff.clear();
  return part;
}

Plan with_images(Plan plan, ImagePart images) {
  for (auto& order : plan.load_order) {
    const auto same = std::ranges::find_if(images.orders, [&](const LoadOrder& other) {
      return other.kernel == order.kernel && other.device == order.device;
    });
    if (same != images.orders.end()) order = std::move(*same);
  }
  if (images.no_build) {
    std::erase_if(plan.diff, is_rebuild);
    plan.notes.push_back(*images.no_build);
    plan.no_build = std::move(images.no_build);
  }
  plan.add(std::move(images));
  return plan;
}

}  // namespace vfio_switch
