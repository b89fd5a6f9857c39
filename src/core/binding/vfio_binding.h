// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/binding/driver_config.h"
#include "core/binding/override.h"
#include "core/message/data.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// What lets vfio-pci take a function once it is loaded.
struct Bound {
  bool by_id = false;
  bool by_address = false;
  bool by_parameter = false;  ///< by id, on the kernel command line: also where it is built in
  bool by_others = false;     ///< by the kernel command line, or a file that is not ours
  std::optional<Reason> giver = {};  ///< what does, where anything does
  /// The ids on the kernel command line, where they alone keep it from the function: they count
  /// more than modprobe.d.
  std::optional<Reason> lacking = {};

  [[nodiscard]] bool at_all() const { return by_id || by_address; }
};

/// Which functions a configuration gives to vfio-pci, in a root or in an image.
class VfioBinding {
 public:
  /// `softdeps` are those that the modules carry: one about vfio-pci itself would switch the
  /// install line off.
  VfioBinding(const DriverConfig& config, const ModprobeFile& softdeps);

  [[nodiscard]] Bound of(const PciDevice& device) const;

 private:
  std::optional<VfioIds> ids_;       ///< those that count
  std::optional<VfioIds> file_ids_;  ///< of modprobe.d
  Place line_;                       ///< of `file_ids_`
  bool by_parameter_ = false;
  std::vector<OverrideEntry> listed_;
};

}  // namespace vfio_switch
