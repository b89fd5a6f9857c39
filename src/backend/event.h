// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace vfio_switch {

/// What a package hook, or a rescue shell, asks for.
struct Event {
  std::string root = "/";              ///< --sysroot
  std::string name;                    ///< "post-install", "kernel-added", ..., "boot-check"
  std::vector<std::string> arguments;  ///< a kernel release
};

}  // namespace vfio_switch
