// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/pci/device_spec.h"

namespace vfio_switch {

/// The administrator's settings: vfio-switch.conf(5). Read, never written.
struct Settings {
  std::vector<DeviceSpec> devices;  ///< `device`: which cards; empty: automatic
  /// `extra-devices`: what goes with the card; without a spec: nothing.
  std::optional<std::vector<DeviceSpec>> extra_devices;
  bool forbidden = false;     ///< `device = none`: automatic set-up never takes a card
  bool pass_through = false;  ///< `iommu = pt`: enable also adds that kernel parameter
  bool early = false;         ///< `initramfs = always`: the card is claimed in every image
  bool headless = false;      ///< the host needs no display
  /// Whether the boot check may disable passthrough; unset: only if the host has lost its last
  /// display.
  std::optional<bool> auto_disable;
};

/// Parses the settings. An unknown key, a repeated one or a bad value is an Error (usage) that
/// names `file` and the line.
[[nodiscard]] Result<Settings> parse_settings(std::string_view file, std::string_view text);

}  // namespace vfio_switch
