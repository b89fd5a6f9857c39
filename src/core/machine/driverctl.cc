// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/driverctl.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

std::optional<DriverctlOverride> parse_driverctl(const std::string& path,
                                                 std::string_view content) {
  constexpr std::string_view prefix = "pci-";
  const auto name = std::string_view(path).substr(path.rfind('/') + 1);
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto device = PciAddress::parse(name.substr(prefix.size()));
  const auto driver = trim(content);
  if (!device || driver.empty()) return std::nullopt;
  return DriverctlOverride{*device, std::string(driver), {path}};
}

LoadOrder after_driverctl(LoadOrder order, const std::vector<DriverctlOverride>& overrides,
                          bool has_vfio) {
  const auto found = std::ranges::find(overrides, order.device, &DriverctlOverride::device);
  if (found == overrides.end()) return order;
  const bool vfio = module_name(found->driver) == "vfio_pci";
  if (vfio && !has_vfio) return order;
  const bool nobody = found->driver == "none";
  if (order.winner == (nobody ? std::nullopt : std::optional(found->driver))) return order;
  order.winner.reset();
  if (!nobody) order.winner = vfio ? "vfio-pci" : found->driver;
  order.stage = Stage::root;
  order.proved = order.proved && (vfio || nobody);
  order.reason = {ReasonCause::driverctl_gives,
                  {{"place", found->where}, {"driver", Word{found->driver}}}};
  return order;
}

Remedy without_override(PciAddress device) {
  return {Run{{{"driverctl", "unset-override", device.str()}}}};
}

}  // namespace vfio_switch
