// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "system/files/file_reader.h"

namespace vfio_switch {

/// The bytes of a file; empty where there is none, or where it cannot be read: for a diagnosis,
/// which reports what it can see and does not fail without root.
[[nodiscard]] inline std::string text_of(const FileReader& files, const std::string& path) {
  auto text = files.read(path);
  return text && *text ? std::move(**text) : std::string();
}

/// The names in a directory; none where there is none, or where it cannot be listed.
[[nodiscard]] inline std::vector<std::string> names_in(const FileReader& files,
                                                       const std::string& path) {
  auto names = files.list(path);
  return names ? std::move(*names) : std::vector<std::string>();
}

}  // namespace vfio_switch
