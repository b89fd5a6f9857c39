// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/kept_command_lines.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/doctor/host_config.h"
#include "system/files/config_files.h"

namespace vfio_switch {

std::vector<ConfigLine> read_kept_command_lines(const FileReader& files) {
  constexpr std::array<std::pair<const char*, const char*>, 5> directories = {{
      {"/etc/default/grub.d/", ".cfg"},
      {"/etc/cmdline.d/", ".conf"},
      {"/boot/loader/entries/", ".conf"},
      {"/efi/loader/entries/", ".conf"},
      {"/boot/efi/loader/entries/", ".conf"},
  }};
  std::vector<std::string> paths = {"/etc/default/grub", "/etc/kernel/cmdline"};
  for (const auto& [directory, suffix] : directories) {
    std::ranges::move(paths_in(files, directory, suffix), std::back_inserter(paths));
  }
  return config_lines_of(files, paths, command_line_lines);
}

}  // namespace vfio_switch
