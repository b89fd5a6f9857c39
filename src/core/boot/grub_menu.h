// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/boot/boot_menu.h"
#include "core/boot/boot_sources.h"
#include "core/boot/grub_variant.h"

namespace vfio_switch {

struct GrubRequest {
  std::string path;              ///< of grub.cfg, as seen inside the root
  std::string text;              ///< its content
  std::string platform = "efi";  ///< or "pc"; empty: not known
  GrubVariant variant = GrubVariant::upstream;
};

/// GRUB's menu, its default, and what it does next time alone: what the script says, run with the
/// grubenv that it loads. Files that it sources are asked of `sources`, entries of the Boot Loader
/// Specification (blscfg) too.
[[nodiscard]] BootMenu read_grub_menu(const GrubRequest& request, const BootSources& sources);

}  // namespace vfio_switch
