// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/vfio_binding.h"

#include <algorithm>
#include <utility>

#include "core/binding/driver_config.h"

namespace vfio_switch {

VfioBinding::VfioBinding(const DriverConfig& config, const ModprobeFile& softdeps)
    : ids_(config.parameter_ids),
      file_ids_(ids_of_modprobe(parse_modprobe(effective_modprobe(config.modprobe)))),
      by_parameter_(config.parameter_ids.has_value()) {
  if (!ids_) ids_ = file_ids_;
  if (config.overrides.empty()) return;
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

bool VfioBinding::is_overridden(const PciDevice& device) const {
  return by_parameter_ && !ids_->match(device) && file_ids_ && file_ids_->match(device);
}

void VfioBinding::explain(LoadOrder& order, const PciDevice& device) const {
  if (!order.proved || order.vfio_wins() || !is_overridden(device)) return;
  if (std::ranges::find(order.modules, "vfio_pci") == order.modules.end()) return;
  order.reason = {ReasonCause::parameter_lacks_ids,
                  {{"parameter", Parameter{"vfio-pci.ids=" + ids_->str()}}}};
}

}  // namespace vfio_switch
