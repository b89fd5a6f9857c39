// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/config_line.h"
#include "system/files/best_effort.h"

namespace vfio_switch {

/// `directory` is a path that ends in '/'; of its files those with the suffix count.
[[nodiscard]] inline std::vector<std::string> paths_in(const FileReader& files,
                                                       const std::string& directory,
                                                       std::string_view suffix) {
  std::vector<std::string> paths;
  for (const auto& name : names_in(files, directory)) {
    if (name.ends_with(suffix)) paths.push_back(directory + name);
  }
  return paths;
}

/// The lines that `parse` finds in each of `paths`; none where a file cannot be read.
template <class Parse>
[[nodiscard]] std::vector<ConfigLine> config_lines_of(const FileReader& files,
                                                      const std::vector<std::string>& paths,
                                                      const Parse& parse) {
  std::vector<ConfigLine> lines;
  for (const auto& path : paths) {
    std::ranges::move(parse(path, text_of(files, path)), std::back_inserter(lines));
  }
  return lines;
}

}  // namespace vfio_switch
