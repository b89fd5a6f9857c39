// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace vfio_switch {

// Every path of ours on a machine that a plan may write, read or have written: one page, which
// hooks, maintainer scripts and units are tested against (tests/paths).

/// The files that the program generates.
inline constexpr std::string_view vfio_conf_path = "/etc/modprobe.d/vfio.conf";
inline constexpr std::string_view softdep_conf_path = "/etc/modprobe.d/00-vfio-softdep.conf";
inline constexpr std::string_view modules_load_path = "/etc/modules-load.d/vfio.conf";
inline constexpr std::string_view override_path = "/etc/vfio-switch/override";
inline constexpr std::string_view mkinitcpio_conf_path =
    "/etc/mkinitcpio.conf.d/zz-vfio-switch.conf";
inline constexpr std::array generated_paths = {
    softdep_conf_path, vfio_conf_path, modules_load_path, override_path, mkinitcpio_conf_path,
};

/// The file for our parameters where the distribution's grub-mkconfig reads a directory of them.
/// Its name sorts last, so that a file that assigns the variable again comes before it.
inline constexpr std::string_view grub_drop_in_path = "/etc/default/grub.d/zz-vfio-switch.cfg";

/// The same for tools that write boot entries. Their names sort last: what comes later appends.
inline constexpr std::string_view sdboot_drop_in_path =
    "/etc/sdboot-manage.conf.d/zz-vfio-switch.conf";
inline constexpr std::string_view limine_drop_in_path =
    "/etc/limine-entry-tool.d/zz-vfio-switch.conf";
/// For unified images that dracut makes. It is no part of the configuration of the passthrough.
inline constexpr std::string_view dracut_drop_in_path =
    "/etc/dracut.conf.d/zz-vfio-switch-cmdline.conf";
inline constexpr std::string_view u_boot_drop_in_path =
    "/etc/u-boot-menu/conf.d/zz-vfio-switch.conf";
inline constexpr std::array boot_drop_in_paths = {grub_drop_in_path, sdboot_drop_in_path,
                                                  limine_drop_in_path, dracut_drop_in_path,
                                                  u_boot_drop_in_path};

/// True for one of these files.
[[nodiscard]] constexpr bool is_boot_drop_in(std::string_view path) {
  return std::ranges::find(boot_drop_in_paths, path) != boot_drop_in_paths.end();
}

/// True if `path` is one of the files that the program generates.
[[nodiscard]] constexpr bool is_generated(std::string_view path) {
  return is_boot_drop_in(path) || std::ranges::find(generated_paths, path) != generated_paths.end();
}

/// The script that an `install` line for vfio-pci runs: it loads the module and gives it the
/// functions that the file at override_path names. One path on every distribution, and in images.
inline constexpr std::string_view bind_path = "/usr/lib/vfio-switch/bind";

/// The package's hook for mkinitcpio.
inline constexpr std::string_view mkinitcpio_hook_path = "/usr/lib/initcpio/install/vfio-switch";

/// What the older, blacklist-based tool left behind; enable removes it, rollback restores it.
inline constexpr std::string_view legacy_unit = "nvidia-passthrough.service";
inline constexpr std::array<std::string_view, 4> legacy_paths = {
    "/etc/modprobe.d/nvidia-passthrough-blacklist.conf",
    "/etc/modprobe.d/vfio-passthrough.conf",
    "/etc/modules-load.d/vfio-passthrough.conf",
    "/etc/systemd/system/nvidia-passthrough.service",
};

}  // namespace vfio_switch
