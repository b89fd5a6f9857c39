// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_settings.h"

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/boot/kernel_parameters.h"
#include "core/boot/shell_settings.h"

namespace vfio_switch {

namespace {

/// Of ordinary entries alone, and of all: recovery entries are better left as they are.
const ShellSettings& grub_settings() {
  static const ShellSettings settings{{"GRUB_CMDLINE_LINUX_DEFAULT", "GRUB_CMDLINE_LINUX"}};
  return settings;
}

/// The command line that a line of grub.cfg gives to a kernel; empty: it starts none.
std::string_view command_line_of(std::string_view line) {
  const auto words = split_words(line);
  constexpr std::array<std::string_view, 4> commands = {"linux", "linuxefi", "linux16",
                                                        "multiboot"};
  if (words.size() < 2 || std::ranges::find(commands, words[0]) == commands.end()) return {};
  return line.substr(static_cast<std::size_t>(words[1].data() - line.data()));
}

}  // namespace

bool grub_settings_have(std::string_view text, std::string_view parameter) {
  return has_parameter(grub_settings(), text, parameter);
}

std::optional<std::string> add_grub_parameter(std::string_view text, std::string_view parameter) {
  return add_parameter(grub_settings(), text, parameter);
}

std::string remove_grub_parameter(std::string_view text, std::string_view parameter) {
  return remove_parameter(grub_settings(), text, parameter);
}

bool grub_cfg_has(std::string_view text, std::string_view parameter) {
  return std::ranges::any_of(split_lines(text), [&](std::string_view line) {
    return has_parameter(command_line_of(line), parameter);
  });
}

}  // namespace vfio_switch
