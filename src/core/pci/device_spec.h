// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <variant>

#include "core/base/error.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// How a person names a device: a PCI address, or vendor and device.
using DeviceSpec = std::variant<PciAddress, PciId>;

/// Parses "01:00.0", "0000:01:00.0" or "10de:2d04"; anything else is an Error (usage).
[[nodiscard]] Result<DeviceSpec> parse_device_spec(std::string_view text);

}  // namespace vfio_switch
