// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/claimants.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_driver.h"
#include "system/modules/module_db.h"
#include "system/modules/module_dependencies.h"

namespace vfio_switch {

namespace {

constexpr std::string_view vfio_pci = "vfio_pci";

struct Claimants {
  std::set<std::string> loadable;
  std::set<std::string> built_in;
};

Result<void> add_claimants(const ModuleDb& db, const std::string& modalias, Claimants& claimants) {
  auto names = db.lookup(modalias);
  if (!names) return failure_of(names);
  for (const auto& name : *names) {
    auto form = db.form(name);
    if (!form) return failure_of(form);
    if (name == vfio_pci) continue;
    if (*form == ModuleForm::built_in) claimants.built_in.insert(name);
    if (*form == ModuleForm::loadable) claimants.loadable.insert(name);
  }
  return {};
}

/// The variants of vfio-pci for a device. libvirt goes by the index alone, and what is built in has
/// no aliases there.
Result<std::vector<std::string>> variants_of(const ModuleDb& bare, const std::string& modalias) {
  std::vector<std::string> variants;
  auto names = bare.lookup(modalias.empty() ? "" : "vfio_" + modalias);
  if (!names) return failure_of(names);
  for (const auto& name : *names) {
    auto form = bare.form(name);
    if (!form) return failure_of(form);
    if (name != vfio_pci && *form == ModuleForm::loadable) variants.push_back(name);
  }
  return variants;
}

/// The modules for one device that are, or are not, built into a kernel.
Result<Claim> claim_in(const std::optional<ModuleDb>& configured, const ModuleDb& bare,
                       const ModuleDependencies& dependencies, const Kernel& kernel,
                       const PciDevice& device) {
  Claim claim{kernel.release, device.address, {}, {}, {}, {}};
  Claimants claimants;
  for (const auto* db : {configured ? &*configured : nullptr, &bare}) {
    if (db == nullptr) continue;
    if (auto added = add_claimants(*db, device.modalias, claimants); !added) {
      return failure_of(added);
    }
  }
  auto variants = variants_of(bare, device.modalias);
  if (!variants) return failure_of(variants);
  claim.variants = std::move(*variants);
  const auto& loadable = claimants.loadable;
  claim.modules.assign(loadable.begin(), loadable.end());
  std::set<std::string> module_files;
  for (const auto& module : loadable) module_files.insert(bare.file(module));
  claim.dependants = dependencies.dependants(module_files);
  std::erase_if(claim.dependants, [&](const auto& module) { return loadable.contains(module); });
  claim.built_in.assign(claimants.built_in.begin(), claimants.built_in.end());
  return claim;
}

/// True if `files` may say what a PCI modalias resolves to.
bool may_redirect(const std::vector<ModprobeFile>& files) {
  return std::ranges::any_of(parse_modprobe(effective_modprobe(files)), [](const auto& line) {
    const std::string_view subject = line.subject;
    return subject.starts_with("pci") || subject.find_first_of("*?[\\") < 3;
  });
}

/// Nothing where the configuration leaves every PCI modalias as the index has it.
Result<std::optional<ModuleDb>> open_configured(const FileReader& files, const Kernel& kernel,
                                                const std::vector<ModprobeFile>& modprobe) {
  if (!may_redirect(modprobe)) return std::nullopt;
  auto opened = ModuleDb::open(files, kernel, modprobe);
  if (!opened) return failure_of(opened);
  return std::optional(std::move(*opened));
}

/// The driver that has `device`, where it is built into the running kernel: a loadable one always
/// has a module in sysfs, one that is built in has none unless it takes parameters.
std::optional<std::string> built_in_driver(const PciDevice& device) {
  if (!device.driver || device.driver_module || is_vfio_driver(device.driver)) return std::nullopt;
  return module_name(*device.driver);
}

/// A module that claims a device in one kernel may be built into another, whose index then does
/// not name it (modules.builtin.modinfo has no PCI aliases in Debian 6.1).
Result<void> add_built_in(const ModuleDb& db, Claim& claim, const std::set<std::string>& known) {
  for (const auto& name : known) {
    if (std::ranges::find(claim.built_in, name) != claim.built_in.end()) continue;
    auto form = db.form(name);
    if (!form) return failure_of(form);
    if (*form == ModuleForm::built_in) claim.built_in.push_back(name);
  }
  return {};
}

/// A driver that is built into the running kernel is so in every kernel that has no module for it.
Result<void> add_unnamed(const ModuleDb& db, Claim& claim,
                         const std::map<PciAddress, std::string>& drivers) {
  const auto driver = drivers.find(claim.device);
  if (driver == drivers.end() || !claim.built_in.empty()) return {};
  auto form = db.form(driver->second);
  if (!form) return failure_of(form);
  if (*form != ModuleForm::loadable) claim.built_in.push_back(driver->second);
  return {};
}

}  // namespace

Result<std::vector<Claim>> find_claims(const FileReader& files, const SystemFacts& facts,
                                       const std::vector<PciAddress>& functions) {
  std::vector<Claim> claims;
  if (functions.empty()) return claims;
  std::vector<ModuleDb> databases;  // of facts.kernels, without configuration
  std::map<PciAddress, std::set<std::string>> known;
  std::map<PciAddress, std::string> unnamed;  // built-in drivers, by a name that may be no module's
  for (const auto& address : functions) {
    const auto& driver = find_device(facts, address)->driver_module;
    if (driver && !is_vfio_driver(driver)) known[address].insert(module_name(*driver));
    if (const auto name = built_in_driver(*find_device(facts, address))) unnamed[address] = *name;
  }
  for (const auto& kernel : facts.kernels) {
    auto configured = open_configured(files, kernel, facts.modprobe);
    if (!configured) return failure_of(configured);
    auto bare = ModuleDb::open(files, kernel, {});
    if (!bare) return failure_of(bare);
    auto dependencies = ModuleDependencies::read(files, kernel);
    if (!dependencies) return failure_of(dependencies);
    for (const auto& address : functions) {
      auto claim =
          claim_in(*configured, *bare, *dependencies, kernel, *find_device(facts, address));
      if (!claim) return failure_of(claim);
      known[address].insert(claim->modules.begin(), claim->modules.end());
      claims.push_back(std::move(*claim));
    }
    databases.push_back(std::move(*bare));
  }
  for (auto& claim : claims) {
    const auto kernel = std::ranges::find(facts.kernels, claim.kernel, &Kernel::release);
    const auto& bare = databases[static_cast<std::size_t>(kernel - facts.kernels.begin())];
    if (auto added = add_built_in(bare, claim, known[claim.device]); !added) {
      return failure_of(added);
    }
    if (auto added = add_unnamed(bare, claim, unnamed); !added) return failure_of(added);
  }
  return claims;
}

}  // namespace vfio_switch
