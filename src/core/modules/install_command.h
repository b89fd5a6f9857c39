// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// One call of modprobe in an `install` command of modprobe.d(5).
struct ModprobeCall {
  std::string name;             ///< a module or an alias
  bool ignore_install = false;  ///< -i: install commands and softdeps of `name` do not count

  bool operator==(const ModprobeCall&) const = default;
};

/// The modprobe calls of an install command, in order; nothing where a word is met whose effect on
/// modules is unknown. Understands what distributions ship: modprobe with options, `&&`, `||`, `;`,
/// `{ }`, $CMDLINE_OPTS, true, false and `:`. Of `a || b` both count as called. The bind script
/// calls `modprobe -i vfio-pci`.
[[nodiscard]] std::optional<std::vector<ModprobeCall>> parse_install_command(
    std::string_view command);

}  // namespace vfio_switch
