// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "apply/transaction.h"

namespace vfio_switch {

/// Tells on standard error what is being done: on a terminal with a line that counts the seconds
/// of a rebuild, elsewhere with plain lines.
[[nodiscard]] Progress make_progress();

}  // namespace vfio_switch
