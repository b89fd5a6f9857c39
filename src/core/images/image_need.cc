// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_need.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/binding/driver_config.h"
#include "core/binding/generated_files.h"
#include "core/files/kept_lines.h"
#include "core/files/own_paths.h"
#include "core/modules/driver_order.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

/// Every module that decides about the card, in one kernel or in all.
std::set<std::string> deciding_modules(const std::vector<Claim>& claims,
                                       const std::string& kernel = {}) {
  std::set<std::string> modules = {std::string(vfio_pci)};
  for (const auto& claim : claims) {
    if (!kernel.empty() && claim.kernel != kernel) continue;
    modules.insert(claim.modules.begin(), claim.modules.end());
    modules.insert(claim.dependants.begin(), claim.dependants.end());
  }
  return modules;
}

/// True where the kernel decides by itself: vfio-pci is built in, and registers first.
bool is_before_images(const SystemFacts& facts, const Claim& claim) {
  const auto kernel = std::ranges::find(facts.kernels, claim.kernel, &Kernel::release);
  return kernel != facts.kernels.end() && kernel->vfio_pci == ModuleForm::built_in &&
         !first_before_vfio(claim.built_in);
}

/// pci-stub takes no device but those that it is given.
bool decides(const EarlyModule& early, const std::set<std::string>& modules) {
  return modules.contains(early.module) || (early.module == "pci_stub" && early.ids);
}

Reason holds(Item what) {
  return {ReasonCause::image_holds, {{"what", std::move(what)}}};
}

}  // namespace

std::optional<Reason> concern_of(const ImageFacts& image, const std::string& kernel,
                                 const std::vector<Claim>& claims) {
  const auto deciding = deciding_modules(claims, kernel);
  for (const auto& module : image.modules) {
    if (deciding.contains(module)) return holds(Word{module});
  }
  for (const auto& step : image.steps) {
    for (const auto& early : step.listed) {
      if (!decides(early, deciding)) continue;
      return Reason(ReasonCause::image_list_names,
                    {{"place", early.where}, {"module", Word{early.module}}});
    }
  }
  constexpr std::array paths = {vfio_conf_path, softdep_conf_path};
  for (const auto path : paths) {
    const auto file = std::ranges::find(image.config.modprobe, path, &ModprobeFile::path);
    if (file == image.config.modprobe.end() || !is_live(file->content)) continue;
    return holds(Place{std::string(path)});
  }
  if (!image.config.overrides.empty()) return holds(Place{std::string(override_path)});
  if (image.bind_script) return holds(Place{std::string(bind_path)});
  return std::nullopt;
}

std::optional<Reason> need_for_images(const SystemFacts& facts, const std::vector<Claim>& claims,
                                      const DriverConfig& before, const DriverConfig& after) {
  for (const auto& claim : claims) {
    if (claim.built_in.empty() || is_before_images(facts, claim)) continue;
    return Reason(ReasonCause::built_into_kernel,
                  {{"driver", Word{claim.built_in.front()}}, {"kernel", Word{claim.kernel}}});
  }
  for (const auto* config : {&before, &after}) {
    const auto directives = parse_modprobe(effective_modprobe(config->modprobe));
    if (!config->overrides.empty() || binds_by_address(directives)) {
      return ReasonCause::bound_by_address;
    }
    for (const auto& line : directives) {
      if (line.command != "install") continue;
      for (const auto& module : deciding_modules(claims)) {
        if (!line.is_about(module)) continue;
        return Reason(ReasonCause::command_for_module,
                      {{"place", line.place()}, {"module", Word{module}}});
      }
    }
  }
  const auto deciding = deciding_modules(claims);
  for (const auto& early : facts.early_modules) {
    if (!decides(early, deciding)) continue;
    return Reason(ReasonCause::list_names,
                  {{"place", early.where}, {"module", Word{early.module}}});
  }
  return std::nullopt;
}

}  // namespace vfio_switch
