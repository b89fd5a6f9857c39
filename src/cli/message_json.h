// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "core/message/data.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// An object by the data's keys. Words, addresses, ids, parameters and quotations are strings,
/// numbers are numbers; a place is {"path", "line"}, with a line of null where the file as a whole
/// is meant; a function with its driver is {"address", "driver"}; a command is a list of arguments;
/// a reason is what reason_json() gives.
[[nodiscard]] nlohmann::ordered_json data_json(const Data& data);

/// Cause, sentence and facts of a reason; null where there is none.
[[nodiscard]] nlohmann::ordered_json reason_json(const std::optional<Reason>& reason);

/// {"text", "steps"}: each step has a "kind", which is "run", "edit", "by-hand", or "or" between
/// two ways of which one is enough. Null where nothing is known to help.
[[nodiscard]] nlohmann::ordered_json remedy_json(const Remedy& remedy);

}  // namespace vfio_switch
