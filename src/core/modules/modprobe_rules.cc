// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/modprobe_rules.h"

#include <algorithm>
#include <utility>

namespace vfio_switch {

std::optional<int> release_of_libkmod(std::string_view file) {
  // LIBKMOD_CURRENT and its like in the Makefile.am of each release, the version in its
  // meson.build.
  constexpr std::array<std::pair<std::string_view, int>, 11> libraries = {{
      {"libkmod.so.2.3.2", 24},
      {"libkmod.so.2.3.3", 25},
      {"libkmod.so.2.3.4", 26},
      {"libkmod.so.2.3.5", 27},
      {"libkmod.so.2.3.6", 28},
      {"libkmod.so.2.3.7", 29},
      {"libkmod.so.2.4.0", 30},
      {"libkmod.so.2.4.1", 31},
      {"libkmod.so.2.4.2", 32},
      {"libkmod.so.2.5.0", 33},
      {"libkmod.so.2.5.1", 34},
  }};
  const auto* const found =
      std::ranges::find(libraries, file, &std::pair<std::string_view, int>::first);
  if (found == libraries.end()) return std::nullopt;
  return found->second;
}

}  // namespace vfio_switch
