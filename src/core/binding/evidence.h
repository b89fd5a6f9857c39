// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
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

/// What the requests of `step` have to do with the function of `claim`, up to `last`, if that is
/// one of them. `giver` is what lets vfio-pci take it, where it is loaded in this step.
[[nodiscard]] std::vector<Reason> links_of(const LoadStep& step, const Claim& claim,
                                           const LoadRequest* last,
                                           const std::optional<Reason>& giver);

}  // namespace vfio_switch
