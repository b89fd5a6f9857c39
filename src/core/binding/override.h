// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/machine/facts.h"
#include "core/modules/load_order.h"
#include "core/modules/modprobe_conf.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// The script that an `install` line for vfio-pci runs: it loads the module and gives it the
/// functions that the file at override_path names. One path on every distribution, and in images.
inline constexpr std::string_view bind_path = "/usr/lib/vfio-switch/bind";
inline constexpr std::string_view override_path = "/etc/vfio-switch/override";

/// How vfio-pci is told which functions it gets.
enum class Binding {
  ids,      ///< `options vfio-pci ids=`: every device with one of them
  address,  ///< `driver_override`, set by the bind script: these functions and no others
};

/// A function that is bound by address, and what must be found there. A line of the file says
/// "0000:01:00.0 10de:1ff2:10de:1613".
struct OverrideEntry {
  PciAddress address;
  PciId id;
  PciId subsystem;

  /// The line, without its end.
  [[nodiscard]] std::string str() const;

  bool operator==(const OverrideEntry&) const = default;
};

/// The entry of `device`.
[[nodiscard]] OverrideEntry make_override(const PciDevice& device);

/// The entries of `content`. As for the script, a line that is spelled in any other way is none.
[[nodiscard]] std::vector<OverrideEntry> parse_override(std::string_view content);

/// What decides, beside the modules themselves, which driver gets a function: of a root, or of an
/// image.
struct BootConfig {
  std::vector<ModprobeFile> modprobe;  ///< every file of every modprobe.d; see effective_modprobe()
  std::vector<OverrideEntry> overrides;
  /// vfio-pci.ids= of the kernel command line, which counts more than any file.
  std::optional<std::string> parameter_ids = {};

  bool operator==(const BootConfig&) const = default;
};

/// The configuration as it is on disk.
[[nodiscard]] BootConfig current_config(const SystemFacts& facts);

/// By address where an id of `functions` also occurs on a device that stays, or where a driver
/// that takes one of them is built into a kernel, which no load order comes before. What was taken
/// by address stays so until it was given back.
[[nodiscard]] Binding choose_binding(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions,
                                     const std::vector<Claim>& claims);

/// True if `command`, of an `install` line, runs the bind script.
[[nodiscard]] bool runs_bind(std::string_view command);

/// True if loading vfio-pci runs the bind script under `directives`: of all install lines the first
/// counts, and none where a softdep is about vfio-pci itself (kmod_module_get_probe_list).
[[nodiscard]] bool binds_by_address(const std::vector<ModprobeDirective>& directives);

}  // namespace vfio_switch
