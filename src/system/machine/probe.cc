// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/machine/probe.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "core/base/text.h"
#include "core/binding/generated_files.h"
#include "core/boot/mounts.h"
#include "core/files/own_paths.h"
#include "core/machine/hibernation.h"
#include "system/boot/boot_loaders.h"
#include "system/boot/boot_menu_reader.h"
#include "system/boot/secure_boot.h"
#include "system/images/compressed_segment.h"
#include "system/machine/foreign_system.h"
#include "system/machine/host_displays.h"
#include "system/modules/libkmod_reading.h"
#include "system/modules/modprobe_config.h"
#include "system/modules/modules_load.h"
#include "system/modules/override_setters.h"
#include "system/pci/host_uses.h"
#include "system/pci/sysfs.h"
#include "system/state/menu_store.h"
#include "system/tools/entry_images.h"
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

/// For kernels that are no bzImage.
bool unpack_kernel(int fd, const KernelPayload& payload,
                   const std::function<bool(std::string_view)>& take) {
  const ByteRange range{fd, payload.offset, payload.offset + payload.size};
  const auto compression = find_compression(range);
  if (!compression) return false;
  bool is_enough = false;
  const auto end = decompress(range, *compression, [&](std::string_view piece) -> Result<void> {
    is_enough = take(piece);
    return is_enough ? fail("no more is needed") : Result<void>();
  });
  return is_enough || end.has_value();
}

/// Of SMBIOS' chassis types (DSP0134, 7.4.1): portable, laptop, notebook, hand held, sub notebook,
/// tablet, convertible, detachable.
bool is_portable(std::string_view chassis) {
  constexpr std::array<std::string_view, 8> types = {"8", "9", "10", "11", "14", "30", "31", "32"};
  return std::ranges::find(types, chassis) != types.end();
}

Result<SystemFacts> probe_devices(ForeignFiles& foreign) {
  const auto& files = foreign.reader();
  SystemFacts facts;
  auto devices = read_pci_devices(foreign);
  if (!devices) return failure_of(devices);
  facts.devices = std::move(*devices);
  facts.keyboard_elsewhere = read_host_uses(files, facts.devices);
  auto enabled = read_iommu_enabled(files);
  if (!enabled) return failure_of(enabled);
  facts.iommu_enabled = *enabled;
  facts.iommu_table = read_iommu_table(files);
  facts.portable = is_portable(trim(foreign.text("/sys/class/dmi/id/chassis_type")));
  facts.display_claims = read_display_claims(foreign, facts.devices);
  facts.command_line = trim(foreign.text("/proc/cmdline"));
  facts.running_kernel = trim(foreign.text("/proc/sys/kernel/osrelease"));
  return facts;
}

/// Of the running kernel: Secure Boot locks many down, without a word on the command line.
bool takes_signed_alone(ForeignFiles& files) {
  const auto lockdown = files.text("/sys/kernel/security/lockdown");
  return lockdown.find("[integrity]") != std::string::npos ||
         lockdown.find("[confidentiality]") != std::string::npos ||
         files.text("/sys/module/module/parameters/sig_enforce").starts_with('Y');
}

}  // namespace

Result<SystemFacts> probe_devices(const FileReader& files) {
  ForeignFiles foreign(files);
  auto facts = probe_devices(foreign);
  if (facts) facts->unread = foreign.unread();
  return facts;
}

Result<SystemFacts> probe(const FileReader& files, const Profile& profile) {
  ForeignFiles others(files);
  auto facts = probe_devices(others);
  if (!facts) return facts;
  facts->os = read_os_release(others);
  auto foreign = foreign_environment(files, facts->command_line);
  if (!foreign) return failure_of(foreign);
  facts->foreign_environment = *foreign;
  facts->command_line_locked = is_command_line_locked(files);
  facts->boot_loader = find_boot_loader(files);
  facts->tpm_unlock = find_tpm_unlock(others);
  facts->resume_setting = find_resume_setting(others.text(std::string(resume_setting_path)));
  if (files.is_running_system()) {
    (void)files.exists("/boot/.");  // an automount is mounted by looking into it
    facts->unmounted =
        unmounted_boot_paths(others.text("/etc/fstab"), others.text("/proc/self/mountinfo"));
  }
  const auto generator = find_generator(profile, files);
  auto kernels = read_kernels(others, profile, generator);
  if (!kernels) return failure_of(kernels);
  facts->kernels = std::move(*kernels);
  auto machine_menu =
      read_boot_menu(files, {.unpack = unpack_kernel, .mounted_esps = files.own_mounts()});
  facts->boot_menu = std::move(machine_menu.menu);
  facts->this_boot = machine_menu.this_boot;
  facts->entry_tool = machine_menu.loader.tool;
  // Root reads the menu itself, but for one on ESPs that are not mounted.
  const bool is_unmounted = facts->entry_tool == EntryTool::proxmox && files.own_mounts().empty();
  if (::geteuid() != 0 || is_unmounted) facts->menu_record = load_menu_record(files);
  follow_menu(others, profile, generator, *facts);
  facts->early_modules = read_early_modules(others, profile);
  facts->root_lists = read_root_lists(others);
  facts->driverctl = read_driverctl(others);
  facts->signed_alone = takes_signed_alone(others);
  facts->override_setters = read_override_setters(others);
  auto hindrances = find_image_hindrances(others, generator, facts->kernels);
  if (!hindrances) return failure_of(hindrances);
  facts->image_hindrances = std::move(*hindrances);
  std::ranges::move(find_verified(files, *facts), std::back_inserter(facts->image_hindrances));
  facts->wants_mkinitcpio_drop_in = wants_mkinitcpio_drop_in(others, generator);
  facts->dracut = generator == InitramfsGenerator::dracut;
  facts->keeps_dracuts_blacklist = facts->dracut && keeps_dracuts_blacklist(others);
  facts->modprobe = read_modprobe_config(others, UnknownRelease::is_left);
  if (files.is_running_system()) {
    if (const auto file = file_read_differently(files, facts->modprobe)) {
      others.add_unread(*file, "the libkmod of this system reads it in another way than expected");
    }
  }
  facts->unread = others.unread();
  facts->bind_script = files.exists(std::string(bind_path));
  for (const auto path : generated_paths) {
    if (auto observed = observe(files, std::string(path), *facts); !observed) {
      return failure_of(observed);
    }
  }
  if (auto observed = observe_legacy(files, *facts); !observed) return failure_of(observed);
  return facts;
}

OsRelease read_os_release(ForeignFiles& files) {
  constexpr std::array<const char*, 2> paths = {"/etc/os-release", "/usr/lib/os-release"};
  for (const auto* path : paths) {
    const auto content = files.text(path);
    if (!content.empty()) return parse_os_release(content);
  }
  return parse_os_release("");
}

}  // namespace vfio_switch
