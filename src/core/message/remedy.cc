// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/message/remedy.h"

#include <utility>

namespace vfio_switch {

Run own_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "vfio-switch");
  return {Command{std::move(arguments)}, true};
}

}  // namespace vfio_switch
