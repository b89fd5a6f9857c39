// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/modules/vfio_ids.h"

namespace vfio_switch {

/// What a kernel command line says about modules: to the kernel, to modprobe, to systemd, and to
/// the images of each tool. Who reads what, and when, is theirs to know.
struct ModuleParameters {
  /// module_blacklist=: the kernel refuses them, however they are asked for. The last word counts,
  /// and names are compared as they stand: "vfio-pci" is no module's (kernel/module/main.c,
  /// blacklisted()).
  std::set<std::string> refused = {};
  std::string refusing_word = {};  ///< as it is written
  /// modprobe.blacklist=: what an alias leads to, and what is loaded by name with modprobe -b. As
  /// they stand there.
  std::set<std::string> blacklisted = {};
  /// modules_load=: systemd-modules-load(8), in an image and in the real root.
  std::vector<std::string> loaded = {};
  std::vector<std::string> loaded_in_image = {};  ///< rd.modules_load=
  /// dracut.cmdline(7): rd.driver.pre= is loaded before udev starts, rd.driver.post= once it has
  /// settled.
  std::vector<std::string> before_udev = {};
  std::vector<std::string> after_udev = {};
  /// What dracut blacklists in /run/modprobe.d, where the real root finds it as well:
  /// rd.driver.blacklist=, and rd.driver.post= with a single module.
  std::set<std::string> blacklisted_by_dracut = {};
  /// mkinitcpio's init: earlymodules= before MODULES, and the hooks of disablehooks=; the last of
  /// each counts.
  std::vector<std::string> early = {};
  std::set<std::string> disabled_hooks = {};
  std::set<std::string> blacklisted_by_initramfs_tools = {};  ///< blacklist=, the last one
  std::vector<std::string> stopped_initcalls = {};            ///< initcall_blacklist=, functions
  std::optional<VfioIds> stub_ids = {};                       ///< pci-stub.ids=
  std::string stub_word = {};                                 ///< as it is written
  /// module.sig_enforce, or lockdown=: the kernel refuses modules without a signature
  /// (kernel/module/signing.c).
  bool signed_alone = false;

  bool operator==(const ModuleParameters&) const = default;
};

/// Where such a word stands, as the Place of what it has loaded.
inline constexpr std::string_view command_line_path = "/proc/cmdline";

/// Module names are spelled with underscores in it, but for `refused`.
[[nodiscard]] ModuleParameters parse_module_parameters(std::string_view command_line);

/// True if `word` of a kernel command line is one that parse_module_parameters() reads.
[[nodiscard]] bool is_module_parameter(std::string_view word);

}  // namespace vfio_switch
