// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/binding/override.h"
#include "core/machine/facts.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

/// What decides, beside the modules themselves, which driver gets a function: of a root, or of an
/// image.
struct DriverConfig {
  std::vector<ModprobeFile> modprobe;  ///< every file of every modprobe.d; see effective_modprobe()
  std::vector<OverrideEntry> overrides;
  /// vfio-pci.ids= of the kernel command line, which counts more than any file.
  std::optional<VfioIds> parameter_ids = {};
  /// What the real root loads by name, beside what devices ask for.
  std::vector<EarlyModule> lists = {};

  bool operator==(const DriverConfig&) const = default;
};

/// The configuration as it is on disk.
[[nodiscard]] DriverConfig current_config(const SystemFacts& facts);

/// The ids that vfio-pci gets from the kernel command line of the usual boot, which count more than
/// those of modprobe.d; nothing where it has none.
[[nodiscard]] std::optional<VfioIds> next_boot_ids(const SystemFacts& facts);

}  // namespace vfio_switch
