// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/base/text.h"

namespace vfio_switch {

/// A sentence with numbered placeholders, "{1} shares IOMMU group {2}", in English: what
/// catalogues of other languages are looked up by. `plural` is used where the list or the number
/// behind the placeholder `counted` is not one; empty: there is no such form.
struct Template {
  std::string_view text;
  std::string_view plural = {};
  unsigned counted = 0;
  Conjunction conjunction = Conjunction::all_of;  ///< of the items of a list
};

}  // namespace vfio_switch
