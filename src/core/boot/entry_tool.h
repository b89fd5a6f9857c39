// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// What writes the entries of a boot loader, and copies kernels and images to where it reads them.
enum class EntryTool {
  none,          ///< people, or the loader's own generator
  kernelstub,    ///< Pop!_OS
  proxmox,       ///< proxmox-boot-tool: ESPs that are not mounted
  ostree,        ///< a deployment is an entry; the next one may be written at shutdown only
  bootc,         ///< the same, with its own store
  sdbootutil,    ///< openSUSE
  limine_entry,  ///< limine-entry-tool, limine-mkinitcpio
};

/// "kernelstub", as people call it.
[[nodiscard]] std::string_view to_string(EntryTool tool);

/// What copies kernels and images to where the boot loader reads them, as it is run by hand; empty
/// where nothing is known that does. Where such a tool builds the images as well, it builds them.
[[nodiscard]] std::vector<std::string> copy_command(EntryTool tool);

/// True if the tool writes an entry anew whenever it is run: with other file names (sdbootutil), or
/// with what verifies the files (limine-entry-tool).
[[nodiscard]] bool rewrites_entries(EntryTool tool);

}  // namespace vfio_switch
