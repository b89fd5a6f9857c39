// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/binding/load_request.h"
#include "core/message/data.h"
#include "core/modules/load_order.h"
#include "core/modules/modprobe_conf.h"

namespace vfio_switch {

// The links of LoadOrder::chain.

/// The softdep lines that put vfio-pci before others of `modules`, which are in load order.
[[nodiscard]] std::vector<Reason> why_vfio_first(const std::vector<ModprobeDirective>& directives,
                                                 const std::vector<std::string>& modules);

/// The modules of `request` that matter to the function of `claim`, in load order.
[[nodiscard]] std::vector<std::string> deciding_modules(const LoadRequest& request,
                                                        const Claim& claim);

/// Who makes `request`, in `stage`, and which of its modules matter.
[[nodiscard]] Reason link_of(const LoadRequest& request, Stage stage, const Claim& claim);

}  // namespace vfio_switch
