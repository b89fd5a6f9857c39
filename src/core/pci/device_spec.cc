// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pci/device_spec.h"

#include "core/base/text.h"

namespace vfio_switch {

Result<DeviceSpec> parse_device_spec(std::string_view text) {
  if (const auto address = PciAddress::parse(text)) return *address;
  if (const auto id = PciId::parse(text)) return *id;
  return fail(ErrorKind::usage, "'" + printable(text) + "' is not a PCI address or ID",
              "Use an address such as 01:00.0, or vendor and device ID such as 10de:2d04. See "
              "'vfio-switch devices'.");
}

}  // namespace vfio_switch
