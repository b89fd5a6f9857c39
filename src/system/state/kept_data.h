// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/message/data.h"

namespace vfio_switch {

/// Data with the types of its items, to be read back by data_from().
[[nodiscard]] nlohmann::ordered_json kept_data(const Data& data);

/// Throws a Json exception where `json` is not what kept_data() gives.
[[nodiscard]] Data data_from(const nlohmann::ordered_json& json);

}  // namespace vfio_switch
