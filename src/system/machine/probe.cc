// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/probe.h"

#include <array>
#include <string_view>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/boot/mounts.h"
#include "core/files/own_paths.h"
#include "system/boot/boot_loaders.h"
#include "system/boot/secure_boot.h"
#include "system/machine/foreign_system.h"
#include "system/machine/host_displays.h"
#include "system/modules/modprobe_config.h"
#include "system/pci/sysfs.h"
#include "system/tools/initramfs_tools.h"
#include "system/tools/kernels.h"

namespace vfio_switch {

namespace {

Result<void> observe(const FileReader& files, const std::string& path, SystemFacts& facts) {
  auto state = files.state(path);
  if (!state) return failure_of(state);
  facts.files[path] = {std::move(*state)};
  return {};
}

/// The older tool's files, and the links that enable its service.
Result<void> observe_legacy(const FileReader& files, SystemFacts& facts) {
  const std::string units = "/etc/systemd/system";
  std::vector<std::string> candidates(legacy_paths.begin(), legacy_paths.end());
  auto names = files.list(units);
  if (!names) return failure_of(names);
  for (const auto& name : *names) {
    if (!name.ends_with(".wants") && !name.ends_with(".requires")) continue;
    candidates.push_back(units + "/" + name + "/" + std::string(legacy_unit));
  }
  for (const auto& path : candidates) {
    auto status = files.status(path);
    if (!status) return failure_of(status);
    if (!*status) continue;
    if (auto observed = observe(files, path, facts); !observed) return observed;
  }
  return {};
}

}  // namespace

Result<SystemFacts> probe_devices(const FileReader& files) {
  SystemFacts facts;
  auto devices = read_pci_devices(files);
  if (!devices) return failure_of(devices);
  facts.devices = std::move(*devices);
  auto enabled = read_iommu_enabled(files);
  if (!enabled) return failure_of(enabled);
  facts.iommu_enabled = *enabled;
  facts.iommu_table = read_iommu_table(files);
  auto claims = read_display_claims(files, facts.devices);
  if (!claims) return failure_of(claims);
  facts.display_claims = std::move(*claims);
  auto command_line = files.read("/proc/cmdline");
  if (!command_line) return failure_of(command_line);
  facts.command_line = trim(command_line->value_or(""));
  auto release = files.read("/proc/sys/kernel/osrelease");
  if (!release) return failure_of(release);
  facts.running_kernel = trim(release->value_or(""));
  return facts;
}

Result<SystemFacts> probe(const FileReader& files, const Profile& profile) {
  auto facts = probe_devices(files);
  if (!facts) return facts;
  auto os = read_os_release(files);
  if (!os) return failure_of(os);
  facts->os = std::move(*os);
  auto foreign = foreign_environment(files, facts->command_line);
  if (!foreign) return failure_of(foreign);
  facts->foreign_environment = std::move(*foreign);
  facts->command_line_locked = is_command_line_locked(files);
  facts->boot_loader = find_boot_loader(files);
  auto tpm = find_tpm_unlock(files);
  if (!tpm) return failure_of(tpm);
  facts->tpm_unlock = std::move(*tpm);
  if (files.is_running_system()) {
    auto fstab = files.read("/etc/fstab");
    if (!fstab) return failure_of(fstab);
    (void)files.exists("/boot/.");  // an automount is mounted by looking into it
    auto mounts = files.read("/proc/self/mountinfo");
    if (!mounts) return failure_of(mounts);
    facts->unmounted = unmounted_boot_paths(fstab->value_or(""), mounts->value_or(""));
  }
  const auto generator = find_generator(profile, files);
  auto kernels = read_kernels(files, profile, generator);
  if (!kernels) return failure_of(kernels);
  facts->kernels = std::move(*kernels);
  auto early = read_early_modules(files, profile);
  if (!early) return failure_of(early);
  facts->early_modules = std::move(*early);
  auto hindrances = find_image_hindrances(files, generator, facts->kernels);
  if (!hindrances) return failure_of(hindrances);
  facts->image_hindrances = std::move(*hindrances);
  auto drop_in = wants_mkinitcpio_drop_in(files, generator);
  if (!drop_in) return failure_of(drop_in);
  facts->wants_mkinitcpio_drop_in = *drop_in;
  facts->modules_load_in_image = generator == InitramfsGenerator::dracut;
  auto modprobe = read_modprobe_config(files);
  if (!modprobe) return failure_of(modprobe);
  facts->modprobe = std::move(*modprobe);
  facts->bind_script = files.exists(std::string(bind_path));
  for (const auto path : generated_paths) {
    if (auto observed = observe(files, std::string(path), *facts); !observed) {
      return failure_of(observed);
    }
  }
  if (auto observed = observe_legacy(files, *facts); !observed) return failure_of(observed);
  return facts;
}

Result<OsRelease> read_os_release(const FileReader& files) {
  constexpr std::array<const char*, 2> paths = {"/etc/os-release", "/usr/lib/os-release"};
  for (const auto* path : paths) {
    auto content = files.read(path);
    if (!content) return failure_of(content);
    if (*content) return parse_os_release(**content);
  }
  return parse_os_release("");
}

}  // namespace vfio_switch
