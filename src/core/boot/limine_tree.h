// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// An option of limine.conf; its name in lower case.
struct LimineOption {
  std::string name;
  std::string value;
};

/// An entry, or a directory of entries.
struct LimineNode {
  std::string title;
  int line = 0;
  bool is_expanded = false;
  std::vector<LimineOption> options = {};
  std::vector<LimineNode> children = {};
};

struct LimineTree {
  std::vector<LimineOption> options;  ///< global ones, wherever they stand
  std::vector<LimineNode> nodes;
};

/// The last of the options that has one of these names.
[[nodiscard]] std::optional<std::string> limine_option(const std::vector<LimineOption>& options,
                                                       std::string_view name,
                                                       std::string_view alias = {});

/// Parses limine.conf, its macros and those that are `built_in` resolved. Never fails.
[[nodiscard]] LimineTree parse_limine(std::string_view text,
                                      const std::map<std::string, std::string>& built_in);

}  // namespace vfio_switch
