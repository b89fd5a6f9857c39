// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/u_boot_settings.h"

#include "core/boot/shell_settings.h"

namespace vfio_switch {

namespace {

const ShellSettings& settings() {
  static const ShellSettings settings{{"U_BOOT_PARAMETERS"}, "${U_BOOT_PARAMETERS:-ro quiet} "};
  return settings;
}

}  // namespace

bool u_boot_settings_have(std::string_view text, std::string_view parameter) {
  return has_parameter(settings(), text, parameter);
}

bool u_boot_settings_say(std::string_view text) {
  return leave_value(settings(), text);
}

std::optional<std::string> add_u_boot_parameter(std::string_view text, std::string_view parameter) {
  return add_parameter(settings(), text, parameter);
}

std::string remove_u_boot_parameter(std::string_view text, std::string_view parameter) {
  return remove_parameter(settings(), text, parameter);
}

}  // namespace vfio_switch
