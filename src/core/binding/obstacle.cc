// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/obstacle.h"

#include "core/base/text.h"
#include "core/modules/module_parameters.h"

namespace vfio_switch {

std::optional<Item> obstacle_of(const std::vector<ModprobeDirective>& lines,
                                std::string_view command_line, const std::string& module) {
  for (const auto& line : lines) {
    const auto first = line.arguments.substr(0, line.arguments.find(' '));
    const bool to_nothing = first.ends_with("/false") || first.ends_with("/true");
    if (line.command == "blacklist" && line.names(module)) return line.place();
    if (line.command == "install" && line.is_about(module) && to_nothing) return line.place();
  }
  // Of several module_blacklist= the last counts: a word may name the module, and mean nothing.
  const bool refused = parse_module_parameters(command_line).refused.contains(module);
  for (const auto word : split_words(command_line, " \t\n")) {
    const auto said = parse_module_parameters(word);
    const bool refuses = refused && said.refused.contains(module);
    if (refuses || said.blacklisted.contains(module)) return Parameter{std::string(word)};
  }
  return std::nullopt;
}

}  // namespace vfio_switch
