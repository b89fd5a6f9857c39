// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_need.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/binding/driver_config.h"
#include "core/binding/generated_files.h"
#include "core/files/own_paths.h"
#include "core/files/seal.h"

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

}  // namespace

std::string concern_of(const ImageFacts& image, const std::string& kernel,
                       const std::vector<Claim>& claims) {
  const auto deciding = deciding_modules(claims, kernel);
  for (const auto& module : image.modules) {
    if (deciding.contains(module)) return "it holds " + module;
  }
  for (const auto& step : image.steps) {
    for (const auto& early : step.listed) {
      if (deciding.contains(early.module)) return early.where + " in it names " + early.module;
    }
  }
  constexpr std::array paths = {vfio_conf_path, softdep_conf_path};
  for (const auto path : paths) {
    const auto file = std::ranges::find(image.config.modprobe, path, &ModprobeFile::path);
    if (file == image.config.modprobe.end() || is_inert(file->content)) continue;
    return "it holds " + std::string(path);
  }
  if (!image.config.overrides.empty()) return "it holds " + std::string(override_path);
  if (image.bind_script) return "it holds " + std::string(bind_path);
  return {};
}

std::string need_for_images(const SystemFacts& facts, const std::vector<Claim>& claims,
                            const DriverConfig& before, const DriverConfig& after) {
  for (const auto& claim : claims) {
    if (claim.built_in.empty()) continue;
    return claim.built_in.front() + " is built into " + claim.kernel;
  }
  for (const auto* config : {&before, &after}) {
    const auto directives = parse_modprobe(effective_modprobe(config->modprobe));
    if (!config->overrides.empty() || binds_by_address(directives)) {
      return "the card is bound by address";
    }
    for (const auto& line : directives) {
      if (line.command != "install") continue;
      for (const auto& module : deciding_modules(claims)) {
        if (line.is_about(module)) return line.where() + " has a command for " + module;
      }
    }
  }
  const auto deciding = deciding_modules(claims);
  for (const auto& early : facts.early_modules) {
    if (deciding.contains(early.module)) return early.where + " names " + early.module;
  }
  return {};
}

}  // namespace vfio_switch
