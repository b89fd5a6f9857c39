// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace vfio_switch {

/// A file of another program that could not be read as that program reads it. It stops no command,
/// but whatever depends on it is not proved.
struct UnreadFile {
  std::string path;
  std::string why;  ///< "it is a FIFO, a device or a socket", "Permission denied"

  bool operator==(const UnreadFile&) const = default;
};

}  // namespace vfio_switch
