// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace vfio_switch {

Style output_style() {
  if (::isatty(STDOUT_FILENO) != 1) return {};
  constexpr std::size_t usual_width = 80;
  Style style{usual_width, true};
  struct winsize size{};
  // A serial console does not know its size, and says 0.
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  if (dumb || (no_colour != nullptr && *no_colour != '\0')) style.colour = false;
  return style;
}

}  // namespace vfio_switch
