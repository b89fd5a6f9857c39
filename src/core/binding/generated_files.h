// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/binding/override.h"
#include "core/files/own_paths.h"
#include "core/modules/modprobe_conf.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// A softdep line: the module, and what is loaded round it.
using SoftdepLine = std::pair<std::string, Softdep>;

/// vfio.conf for a card bound by ids: `lines` make vfio-pci load before the drivers that could
/// claim it. `card` is named in comments, so that the file can be read on its own. `kept` are
/// somebody else's lines: see foreign_lines().
[[nodiscard]] std::string render_vfio_conf(const std::vector<std::pair<PciAddress, PciId>>& card,
                                           const std::vector<SoftdepLine>& lines,
                                           std::string_view kept = {});

/// vfio.conf for a card bound by address: no ids, which would take another device as well, but a
/// command that loads vfio-pci and gives it the functions that the override file names. The command
/// goes on without the script: vfio-pci alone takes nothing.
[[nodiscard]] std::string render_vfio_conf_by_address(
    const std::vector<std::pair<PciAddress, PciId>>& card, const std::vector<SoftdepLine>& lines,
    std::string_view kept = {});

/// The override file.
[[nodiscard]] std::string render_override(const std::vector<OverrideEntry>& entries);

/// 00-vfio-softdep.conf: the merged lines for modules whose line in vfio.conf another file
/// shadows. Its name sorts first, and of all lines for a module the first one counts.
[[nodiscard]] std::string render_softdep_conf(const std::vector<SoftdepLine>& lines);

/// modules-load.d/vfio.conf: vfio-pci is loaded even where no other driver asks for the card.
[[nodiscard]] std::string render_modules_load();

/// mkinitcpio.conf.d/zz-vfio-switch.conf: adds our hook to HOOKS, for as long as it is installed.
/// Its name sorts behind every other file that could set HOOKS.
[[nodiscard]] std::string render_mkinitcpio_conf();

/// `content` with every line that has an effect commented out, but for those that are kept, and a
/// first line that says so. Content that is disabled already comes back unchanged.
[[nodiscard]] std::string disabled_form(std::string_view content);

}  // namespace vfio_switch
