// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/boot/kept_command_lines.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/binding/generated_files.h"
#include "system/files/best_effort.h"

namespace vfio_switch {

namespace {

/// `directory` is a path that ends in '/'; of its files those with the suffix count.
std::vector<std::string> paths_in(const FileReader& files, const std::string& directory,
                                  std::string_view suffix) {
  std::vector<std::string> paths;
  for (const auto& name : names_in(files, directory)) {
    if (name.ends_with(suffix)) paths.push_back(directory + name);
  }
  return paths;
}

template <class Parse>
std::vector<ConfigLine> lines_of(const FileReader& files, const std::vector<std::string>& paths,
                                 const Parse& parse) {
  std::vector<ConfigLine> lines;
  for (const auto& path : paths) {
    std::ranges::move(parse(path, text_of(files, path)), std::back_inserter(lines));
  }
  return lines;
}

}  // namespace

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
  return lines_of(files, paths, command_line_lines);
}

std::vector<ConfigLine> read_module_lists(const FileReader& files) {
  constexpr std::array<const char*, 3> directories = {
      "/etc/modules-load.d/", "/etc/mkinitcpio.conf.d/", "/etc/dracut.conf.d/"};
  std::vector<std::string> paths = {"/etc/modules", "/etc/mkinitcpio.conf", "/etc/dracut.conf"};
  for (const auto* directory : directories) {
    std::ranges::move(paths_in(files, directory, ".conf"), std::back_inserter(paths));
  }
  std::erase_if(paths, [](const std::string& path) { return is_generated(path); });
  return lines_of(files, paths, config_lines);
}

}  // namespace vfio_switch
