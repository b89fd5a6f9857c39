// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/vfio_binding.h"

#include <algorithm>
#include <utility>

#include "core/binding/driver_config.h"

namespace vfio_switch {

VfioBinding::VfioBinding(const DriverConfig& config, const ModprobeFile& softdeps)
    : ids_(config.parameter_ids), by_parameter_(config.parameter_ids.has_value()) {
  if (!ids_) ids_ = ids_of_modprobe(parse_modprobe(effective_modprobe(config.modprobe)));
  auto files = config.modprobe;
  files.push_back(softdeps);
  if (binds_by_address(parse_modprobe(effective_modprobe(std::move(files))))) {
    listed_ = config.overrides;
  }
}

Bound VfioBinding::of(const PciDevice& device) const {
  const bool listed = std::ranges::find(listed_, make_override(device)) != listed_.end();
  const bool by_id = ids_ && ids_->match(device);
  return {by_id, listed, by_id && by_parameter_};
}

}  // namespace vfio_switch
