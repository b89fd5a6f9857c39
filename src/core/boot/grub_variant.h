// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace vfio_switch {

/// Which GRUB looks for the default entry: they differ in the order in which a value is taken for
/// an id, a title or a number. Asked only where it matters.
enum class GrubVariant {
  upstream,  ///< a number first, then title or id (normal/menu.c of 2.06 and 2.12)
  fedora,    ///< an id first, then a title, then a number (rhboot's normal/menu.c)
};

}  // namespace vfio_switch
