// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/message/note.h"
#include "core/modules/load_order.h"

namespace vfio_switch {

/// That libvirt may bind a function to a variant of vfio-pci, which it then has as intended: by the
/// name of the variant, in any of the kernels. See is_vfio_driver().
[[nodiscard]] std::vector<Note> note_variants(const std::vector<Claim>& claims);

}  // namespace vfio_switch
