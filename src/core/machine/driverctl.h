// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// What driverctl(8) does to a function at each boot: its udev rule starts a unit that loads the
/// driver, unbinds what has bound the function before, and binds the driver alone (driverctl 0.111,
/// load-override). Whoever was first has it no more.
struct DriverctlOverride {
  PciAddress device;
  std::string driver;  ///< as sysfs spells it; "none": no driver at all
  Place where;         ///< its file

  bool operator==(const DriverctlOverride&) const = default;
};

/// The override of the file `path`, whose name ends in the function: "pci-0000:01:00.0". Nothing
/// where it is about no PCI function, or empty: driverctl then does nothing.
[[nodiscard]] std::optional<DriverctlOverride> parse_driverctl(const std::string& path,
                                                               std::string_view content);

/// `order` as it is once driverctl has had its turn. A driver that cannot be loaded changes
/// nothing: `has_vfio` says whether vfio-pci can be, of others that is not known.
[[nodiscard]] LoadOrder after_driverctl(LoadOrder order,
                                        const std::vector<DriverctlOverride>& overrides,
                                        bool has_vfio);

/// Takes the override away, with driverctl's own command.
[[nodiscard]] Remedy without_override(PciAddress device);

}  // namespace vfio_switch
