// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/limine_tree.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

constexpr std::size_t deepest = 16;
constexpr std::size_t most_nodes = 4096;
/// Limine's own limit of a value.
constexpr std::size_t longest_value = 4095;

using Macros = std::map<std::string, std::string>;

/// Replaces each ${NAME} whose macro is known.
std::string resolved(std::string_view text, const Macros& macros) {
  std::string result;
  while (!text.empty() && result.size() < longest_value) {
    const auto begin = text.find("${");
    result += text.substr(0, begin);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const auto end = text.find('}');
    if (end == std::string_view::npos) {
      result += text;
      break;
    }
    const auto found = macros.find(std::string(text.substr(2, end - 2)));
    if (found != macros.end()) result += found->second;
    text.remove_prefix(end + 1);
  }
  result.resize(std::min(result.size(), longest_value));
  return result;
}

/// "${NAME}=text" at the beginning of a line.
bool take_macro(std::string_view line, Macros& macros) {
  if (!line.starts_with("${")) return false;
  const auto end = line.find("}=");
  if (end == std::string_view::npos) return false;
  macros.insert_or_assign(std::string(line.substr(2, end - 2)), std::string(line.substr(end + 2)));
  return true;
}

}  // namespace

std::optional<std::string> limine_option(const std::vector<LimineOption>& options,
                                         std::string_view name, std::string_view alias) {
  std::optional<std::string> value;
  for (const auto& option : options) {
    if (option.name == name || (!alias.empty() && option.name == alias)) value = option.value;
  }
  return value;
}

LimineTree parse_limine(std::string_view text, const Macros& built_in) {
  auto macros = built_in;
  for (const auto line : split_lines(text)) (void)take_macro(trim(line), macros);
  LimineTree tree;
  // The path of indices to the entry that options belong to; a pointer would not outlive the growth
  // of a vector.
  std::vector<std::size_t> place;
  const auto node_at = [&](std::size_t depth) {
    auto* nodes = &tree.nodes;
    for (std::size_t i = 0; i < depth; ++i) nodes = &(*nodes)[place[i]].children;
    return nodes;
  };
  int number = 0;
  std::size_t count = 0;
  Macros ignored;
  for (const auto raw : split_lines(text)) {
    ++number;
    auto line = trim(raw);
    if (line.empty() || line.front() == '#' || take_macro(line, ignored)) continue;
    if (line.front() == '/') {
      std::size_t level = 0;
      while (level < line.size() && line[level] == '/') ++level;
      line.remove_prefix(level);
      if (level > deepest || level > place.size() + 1 || ++count > most_nodes) continue;
      LimineNode node;
      node.is_expanded = line.starts_with('+');
      if (node.is_expanded) line.remove_prefix(1);
      node.title = resolved(line, macros);
      node.line = number;
      place.resize(level - 1);
      auto* const siblings = node_at(level - 1);
      siblings->push_back(std::move(node));
      place.push_back(siblings->size() - 1);
      continue;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    LimineOption option{lower_case(trim(line.substr(0, colon))),
                        resolved(trim(line.substr(colon + 1)), macros)};
    // Global options are such wherever they stand; their names are no local ones.
    tree.options.push_back(option);
    if (place.empty()) continue;
    (*node_at(place.size() - 1))[place.back()].options.push_back(std::move(option));
  }
  return tree;
}

}  // namespace vfio_switch
