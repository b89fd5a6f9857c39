// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/auto_setup.h"

namespace vfio_switch {

const bool sets_up_by_itself = AUTO_SETUP != 0;

}  // namespace vfio_switch
