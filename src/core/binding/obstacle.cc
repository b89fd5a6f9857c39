// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/obstacle.h"

#include "core/base/text.h"

namespace vfio_switch {

std::optional<Item> obstacle_of(const std::vector<ModprobeDirective>& lines,
                                std::string_view command_line, const std::string& module) {
  for (const auto& line : lines) {
    const auto first = line.arguments.substr(0, line.arguments.find(' '));
    const bool to_nothing = first.ends_with("/false") || first.ends_with("/true");
    if (line.command == "blacklist" && line.names(module)) return line.place();
    if (line.command == "install" && line.is_about(module) && to_nothing) return line.place();
  }
  for (const auto word : split_words(command_line)) {
    for (const std::string_view key : {"modprobe.blacklist=", "module_blacklist="}) {
      if (!word.starts_with(key)) continue;
      for (const auto name : split_words(word.substr(key.size()), ",")) {
        if (module_name(name) == module) return Parameter{std::string(word)};
      }
    }
  }
  return std::nullopt;
}

}  // namespace vfio_switch
