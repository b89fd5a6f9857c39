// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"
#include "core/boot/loader_search.h"
#include "system/boot/unpack_file.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The boot menu of a root, with what it takes to judge it.
struct MachineMenu {
  LoaderFinding loader;
  EfiVariables variables;
  /// Located: kernels, initrds and unified images that exist have their path inside the root, and
  /// kernels their release. What was not found, or may not be read, is in `unknown` of its entry.
  BootMenu menu;
  /// The entry that started the running system.
  std::optional<std::size_t> this_boot;
};

struct MenuReaderOptions {
  UnpackFile unpack = {};
  /// Mount points, as seen inside the root, of ESPs that were mounted to be looked at: Proxmox has
  /// its own unmounted.
  std::vector<std::string> mounted_esps = {};
};

/// Finds the boot loader of the root and reads its menu. Nothing is written and no program is run.
/// Never fails: what cannot be read or decided is said in the menu (BootUnknown).
[[nodiscard]] MachineMenu read_boot_menu(const FileReader& files,
                                         const MenuReaderOptions& options = {});

}  // namespace vfio_switch
