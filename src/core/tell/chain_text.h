// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/table.h"
#include "core/plan/status.h"

namespace vfio_switch {

/// What `status -v` adds: for what the next boot starts, or for each kernel where that is not
/// known, the driver of each function and what leads to it, with file and line.
[[nodiscard]] std::string chains_text(const Status& status, const Style& style);

}  // namespace vfio_switch
