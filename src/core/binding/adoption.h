// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/modules/modprobe_conf.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// True if the file at `path` was not written by the program, and everything in it that the
/// program's own file would not say can stay where it is: a vfio.conf that follows a guide or that
/// somebody added lines to, or a list of VFIO's own modules.
[[nodiscard]] bool is_adoptable(std::string_view path, std::string_view content);

/// What the lines of a vfio.conf that are not the program's say.
struct ForeignLines {
  /// As they stand below the program's own, comments and all.
  std::string kept;
  /// The same where each line has the number that it has in the file: what goes is a blank line.
  std::string in_place;
  /// Those with an effect.
  std::vector<ModprobeDirective> directives;
};

/// What stays of the vfio.conf `content`, whoever wrote it. What the program says itself goes:
/// which ids vfio-pci gets, softdeps that have it loaded before `claimants` and nothing else, and
/// both commented out where the ids are those of the card, `ids`.
[[nodiscard]] ForeignLines foreign_lines(std::string_view content,
                                         const std::set<std::string>& claimants,
                                         const std::set<PciId>& ids);

}  // namespace vfio_switch
