// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/vfio_binding.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/binding/driver_config.h"
#include "core/files/own_paths.h"

namespace vfio_switch {

VfioBinding::VfioBinding(const DriverConfig& config, const ModprobeFile& softdeps)
    : ids_(config.parameter_ids), by_parameter_(config.parameter_ids.has_value()) {
  auto files = config.modprobe;
  const auto directives = parse_modprobe(effective_modprobe(files));
  file_ids_ = ids_of_modprobe(directives);
  for (const auto& line : directives) {
    const bool counts = line.command == "options" && line.is_about("vfio_pci");
    if (counts && ids_option(line.arguments)) line_ = line.place();
  }
  if (!ids_) ids_ = file_ids_;
  if (config.overrides.empty()) return;
  files.push_back(softdeps);
  if (binds_by_address(parse_modprobe(effective_modprobe(std::move(files))))) {
    listed_ = config.overrides;
  }
}

Bound VfioBinding::of(const PciDevice& device) const {
  Bound bound;
  bound.by_address = std::ranges::find(listed_, make_override(device)) != listed_.end();
  bound.by_id = ids_ && ids_->match(device);
  bound.by_parameter = bound.by_id && by_parameter_;
  bound.by_others = bound.by_parameter || (bound.by_id && !is_generated(line_.path));
  const auto on_command_line = [&](ReasonCause cause) {
    return Reason(cause, {{"parameter", Parameter{"vfio-pci.ids=" + ids_->str()}}});
  };
  if (bound.by_parameter) {
    bound.giver = on_command_line(ReasonCause::parameter_gives_ids);
  } else if (bound.by_id) {
    bound.giver = Reason(ReasonCause::file_gives_ids, {{"place", line_}});
  } else if (bound.by_address) {
    bound.giver =
        Reason(ReasonCause::given_by_address, {{"place", Place{std::string(override_path)}}});
  } else if (by_parameter_ && file_ids_ && file_ids_->match(device)) {
    bound.lacking = on_command_line(ReasonCause::parameter_lacks_ids);
  }
  return bound;
}

}  // namespace vfio_switch
