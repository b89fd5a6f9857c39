// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/boot/boot_menu.h"
#include "core/boot/loader_search.h"
#include "core/files/file_state.h"
#include "core/files/unread_file.h"
#include "core/machine/display_config.h"
#include "core/machine/driverctl.h"
#include "core/machine/early_module.h"
#include "core/machine/menu_record.h"
#include "core/machine/os_release.h"
#include "core/machine/override_setter.h"
#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/modules/modprobe_conf.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// How a kernel has a module: the way to influence it differs.
enum class ModuleForm {
  missing,
  loadable,
  built_in,  ///< modprobe skips it; options reach it only on the kernel command line
};

/// An installed kernel: one with a module database.
struct Kernel {
  std::string release;            ///< "6.1.0-56-amd64"
  std::string modules_directory;  ///< "/lib/modules/6.1.0-56-amd64"
  std::string package;  ///< what its pkgbase file says ("linux-lts"); empty where it has none
  ModuleForm vfio_pci = ModuleForm::missing;
  ModprobeFile softdeps;  ///< modules.softdep: the softdeps that modules carry
  /// The image that the initramfs tool builds for it; nothing where it has none. What boots may be
  /// a copy of it: see `loaded`.
  std::optional<std::string> initramfs;
  /// What the boot menu entry that stands for this kernel has loaded, in order; empty where it is
  /// not known, or loads nothing.
  std::vector<std::string> loaded = {};
  /// `initramfs` is one of `loaded`; otherwise somebody copies it there.
  bool builds_loaded = true;
  /// Files of its entries that somebody copies there when `initramfs` is built, and entries that
  /// are written anew; empty where nothing but what is built changes. A build that fails may leave
  /// them half written.
  std::vector<std::string> copies = {};
  /// The command line of that entry; nothing where no entry is known: see command_line_of().
  std::optional<std::string> command_line = std::nullopt;

  bool operator==(const Kernel&) const = default;
};

/// What is amiss with the initramfs tool, or with its configuration.
struct ImageHindrance {
  Obstacle what;
  bool prevents = false;  ///< as long as it stands, images do not get what they need, or no image
                          ///< can be built

  bool operator==(const ImageHindrance&) const = default;
};

/// The firmware's table that announces an IOMMU: without one the firmware has it switched off.
enum class IommuTable { none, dmar, ivrs };

/// What was found at a path of vfio-switch or of nvidia-passthrough; it may be absent.
struct ObservedFile {
  FileState state;

  bool operator==(const ObservedFile&) const = default;
};

/// Everything that planning may know about a machine, read once. A plain value: two equal ones
/// give the same plan.
struct SystemFacts {
  OsRelease os;
  std::vector<PciDevice> devices;   ///< sorted by address
  bool iommu_enabled = false;       ///< the kernel made IOMMU groups
  bool portable = false;            ///< a laptop or tablet, whose cards have no slots
  bool keyboard_elsewhere = false;  ///< a keyboard is below no PCI function: PS/2, Bluetooth
  IommuTable iommu_table = IommuTable::none;
  std::vector<DisplayClaim> display_claims;  ///< configuration that names a card for the host
  std::string command_line;                  ///< of the running kernel; empty where unknown
  std::string running_kernel;                ///< its release; empty where unknown
  /// Where we run, if the hardware that is visible there may be another system's.
  std::optional<ReasonCause> foreign_environment;
  bool command_line_locked = false;  ///< the boot menu cannot change the command line
  BootLoader boot_loader;
  BootMenu boot_menu;                      ///< located; without entries where it is not known
  std::optional<MenuRecord> menu_record;   ///< for an ordinary user, where root left one
  std::optional<std::size_t> this_boot;    ///< the entry that started the running system
  EntryTool entry_tool = EntryTool::none;  ///< what copies kernels and images to the boot loader
  std::optional<Place> tpm_unlock;         ///< "/etc/crypttab:3": a disk whose key the TPM holds
  std::optional<Place> resume_setting;     ///< initramfs-tools' line that names what to resume from
  std::vector<std::string> unmounted;      ///< boot file systems that should be mounted
  std::vector<Kernel> kernels;  ///< that boot, newest first; all that are installed where the menu
                                ///< does not tell
  std::vector<Kernel> idle_kernels;        ///< that no entry of the boot menu starts
  std::vector<EarlyModule> early_modules;  ///< the initramfs tool's lists
  std::vector<ImageHindrance> image_hindrances;
  /// Images get our part only if a drop-in of ours adds mkinitcpio's hook to HOOKS.
  bool wants_mkinitcpio_drop_in = false;
  /// dracut builds the images. It copies /etc/modules-load.d, where nothing puts vfio-pci in order.
  bool dracut = false;
  /// What rd.driver.blacklist= names stays away in the real root, too.
  bool keeps_dracuts_blacklist = false;
  bool signed_alone = false;  ///< the running kernel refuses modules without a signature
  std::vector<OverrideSetter> override_setters;  ///< of somebody's own: see read_override_setters()
  std::vector<DriverctlOverride> driverctl;      ///< where it is installed so that udev finds it
  std::vector<EarlyModule> root_lists;  ///< what systemd-modules-load loads, whatever needs it
  std::vector<ModprobeFile> modprobe;  ///< every file of every modprobe.d; see effective_modprobe()
  bool bind_script = false;            ///< the script that binding by address runs is installed
  std::vector<UnreadFile>
      unread;  ///< of other programs' files, in the order in which they were met
  std::map<std::string, ObservedFile> files;  ///< every path that a plan may change

  bool operator==(const SystemFacts&) const = default;
};

/// The kernel command line that `kernel` gets: of its entry, else of the running system.
[[nodiscard]] inline const std::string& command_line_of(const SystemFacts& facts,
                                                        const Kernel& kernel) {
  return kernel.command_line ? *kernel.command_line : facts.command_line;
}

}  // namespace vfio_switch
