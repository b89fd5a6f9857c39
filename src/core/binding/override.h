// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/modules/modprobe_conf.h"
#include "core/pci/pci.h"

namespace vfio_switch {

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

/// The entries of `content`. Like the script, it ignores every line that is spelled in another way.
[[nodiscard]] std::vector<OverrideEntry> parse_override(std::string_view content);

/// True if `command`, of an `install` line, runs the bind script.
[[nodiscard]] bool runs_bind(std::string_view command);

/// True if loading vfio-pci runs the bind script under `directives`: of all install lines the first
/// counts, and none where a softdep is about vfio-pci itself (kmod_module_get_probe_list).
[[nodiscard]] bool binds_by_address(const std::vector<ModprobeDirective>& directives);

}  // namespace vfio_switch
