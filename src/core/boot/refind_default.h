// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/refind_conf.h"
#include "core/boot/refind_request.h"

namespace vfio_switch {

/// The title of a line of the menu.
struct RefindTitle {
  /// What it begins with, in lower case. The name of the volume follows, which only rEFInd knows.
  std::string text;
  std::size_t entry = 0;
  bool is_whole = false;  ///< no volume follows
  bool is_own_volume = true;
  std::optional<BootUnknown> why = std::nullopt;  ///< why it may be another kernel's, or not there
};

struct RefindTitles {
  std::vector<RefindTitle> titles;
  std::size_t leading = 0;  ///< how many nothing can come before, whatever the machine has
  bool has_others = false;  ///< rEFInd also looks for loaders by itself
  std::optional<BootUnknown> incomplete;
};

/// Marks what boots when nobody touches a key, or says why that is not known.
void select_refind_default(BootMenu& menu, const RefindRequest& request, const RefindConf& conf,
                           const RefindTitles& titles);

}  // namespace vfio_switch
