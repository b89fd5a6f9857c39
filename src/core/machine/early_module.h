// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/message/data.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

/// A line that has a module loaded in the initramfs, whatever needs it.
struct EarlyModule {
  std::string module;  ///< underscores
  Place where;         ///< "/etc/initramfs-tools/modules:12"
  /// What the line itself gives to the module, vfio_pci or pci_stub: see with_options().
  std::optional<VfioIds> ids = {};

  bool operator==(const EarlyModule&) const = default;
};

/// A line of initramfs-tools' lists, `vfio-pci ids=10de:2d04`: the image hands it to modprobe as it
/// stands (load_modules of /scripts/functions), which puts its options behind those of modprobe.d,
/// so that these `ids=` count. Nothing where the line names no module.
[[nodiscard]] std::optional<EarlyModule> with_options(std::string_view line, Place where);

}  // namespace vfio_switch
