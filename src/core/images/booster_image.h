// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/binding/contest.h"
#include "core/machine/early_module.h"

namespace vfio_switch {

/// Where booster tells its own init what to do, in an image.
inline constexpr std::string_view booster_config_path = "/etc/booster.init.yaml";

/// The modules that booster's init loads whatever needs them, `modulesforceload`, of `content`:
/// what its generator writes with yaml.v3, which indents by four and never folds such lists
/// (booster 57b030b, generator/config.init.go). vfio-pci's has the ids of `modprobeoptions`, with
/// which the module is loaded; modprobe.d is in no image of booster's.
/// Nothing where the list stands there in another form.
[[nodiscard]] std::optional<std::vector<EarlyModule>> parse_booster_config(
    std::string_view content);

/// What such an image loads about `claim`, holding `modules`. It loads for each device whatever its
/// alias leads to, without blacklists or softdeps, and each module beside all others (init/main.go,
/// init/module.go).
[[nodiscard]] LoadStep booster_step(const std::vector<EarlyModule>& forced,
                                    const std::vector<std::string>& modules, const Claim& claim);

}  // namespace vfio_switch
