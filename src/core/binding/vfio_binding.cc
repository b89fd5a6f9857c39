// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/vfio_binding.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/binding/driver_config.h"

namespace vfio_switch {

namespace {

bool has_id(const std::optional<std::string>& ids, PciId id) {
  if (!ids) return false;
  return std::ranges::any_of(split_words(*ids, ","), [&](std::string_view text) {
    // An entry may go on with subsystem and class; vendor and device come first.
    return PciId::parse(text.substr(0, 9)) == id;
  });
}

}  // namespace

VfioBinding::VfioBinding(const DriverConfig& config, const ModprobeFile& softdeps)
    : ids_(config.parameter_ids), by_parameter_(config.parameter_ids.has_value()) {
  if (!ids_) ids_ = effective_vfio_ids(parse_modprobe(effective_modprobe(config.modprobe)));
  auto files = config.modprobe;
  files.push_back(softdeps);
  if (binds_by_address(parse_modprobe(effective_modprobe(std::move(files))))) {
    listed_ = config.overrides;
  }
}

Bound VfioBinding::of(const PciDevice& device) const {
  const bool listed = std::ranges::find(listed_, make_override(device)) != listed_.end();
  const bool by_id = has_id(ids_, device.id);
  return {by_id, listed, by_id && by_parameter_};
}

}  // namespace vfio_switch
