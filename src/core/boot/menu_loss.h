// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"

namespace vfio_switch {

/// What a usual entry has lost, or was not given, since its menu was read before.
struct MenuLoss {
  enum class What {
    entry,    ///< it is gone
    word,     ///< a word of its command line is gone that nobody took away
    missing,  ///< a parameter that the entry which starts next was to get
  };
  What what = What::entry;
  std::string entry;  ///< its title
  std::string word;

  bool operator==(const MenuLoss&) const = default;
};

/// Compares two readings of a boot menu: every usual entry of `before` is still there, with every
/// word of its command line but for `drop`; the one that starts next has `add`, since others may be
/// written by hand. An entry may go with its kernel's file, unless it was to start next: `is_there`
/// tells. Of deployments the one that starts next is compared with the one that did: a new one
/// takes its place, maybe not before the system shuts down. What is not known of an entry is no
/// loss. Nothing where nothing is lost.
[[nodiscard]] std::optional<MenuLoss> find_menu_loss(
    const BootMenu& before, const BootMenu& after, const std::vector<std::string>& add,
    const std::vector<std::string>& drop,
    const std::function<bool(const std::string& path)>& is_there);

}  // namespace vfio_switch
