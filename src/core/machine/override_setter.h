// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/message/data.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// A script, a udev rule or a unit of somebody's own that writes to driver_override, as guides have
/// it done. What it does to a function depends on its language, on when it runs and on what it
/// finds: that is not worked out, only which functions it may be about.
struct OverrideSetter {
  Place where;
  /// Those that it names. Where it names none, or has a pattern, it may be any, and this is empty.
  std::set<PciAddress> devices;
  /// All that it writes is vfio-pci, and it takes nothing from vfio-pci.
  bool gives_to_vfio = true;

  [[nodiscard]] bool concerns(PciAddress device) const {
    return devices.empty() || devices.contains(device);
  }

  bool operator==(const OverrideSetter&) const = default;
};

/// Nothing where no line of `content` that counts has the word. `#` begins a comment in shells,
/// udev rules and units alike.
[[nodiscard]] std::optional<OverrideSetter> find_override_setter(const std::string& path,
                                                                 std::string_view content);

}  // namespace vfio_switch
