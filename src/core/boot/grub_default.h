// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/grub_machine.h"
#include "core/boot/grub_variant.h"

namespace vfio_switch {

/// The item that a menu starts by itself.
struct GrubChoice {
  std::optional<std::size_t> index;   ///< nothing: not known, and `why` says why
  std::optional<std::string> inside;  ///< the choice inside it, where it is a submenu
  std::optional<BootUnknown> why;
};

/// What `default` makes a menu start (GRUB's normal/menu.c): ids and titles as they are, or a
/// number from 0; what follows a '>' counts inside a submenu, and ">>" is a plain '>'. A value that
/// fits nothing means the first item.
[[nodiscard]] GrubChoice choose_grub_item(const std::vector<GrubItem>& items,
                                          const GrubValues& value, GrubVariant variant,
                                          bool is_incomplete);

}  // namespace vfio_switch
