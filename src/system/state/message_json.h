// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "core/message/data.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// The facts of a message for other programs: an object by key, an item as the plainest value that
/// holds it (a place as its path and line, a command as its arguments, a list as an array).
[[nodiscard]] nlohmann::ordered_json data_json(const Data& data);

/// Cause, sentence and facts of a reason; null where there is none.
[[nodiscard]] nlohmann::ordered_json reason_json(const std::optional<Reason>& reason);

/// The sentences of a remedy as one text, and each step; null where nothing is known to help.
[[nodiscard]] nlohmann::ordered_json remedy_json(const Remedy& remedy);

/// Data with the types of its items, to be read back by data_from().
[[nodiscard]] nlohmann::ordered_json kept_data(const Data& data);

/// Throws a Json exception where `json` is not what kept_data() gives.
[[nodiscard]] Data data_from(const nlohmann::ordered_json& json);

}  // namespace vfio_switch
