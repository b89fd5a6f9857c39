// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/program.h"

#include <iostream>

#include "backend/events.h"
#include "core/tell/plan_text.h"
#include "system/process/process.h"

namespace vfio_switch {

int run_event(int argc, const char* const* argv) {
  if (const auto prepared = prepare_process(); !prepared) {
    std::cerr << error_text(prepared.error());
    return exit_status(prepared.error().kind);
  }
  const auto event = parse_event(argc, argv);
  if (!event) {
    std::cerr << error_text(event.error());
    return exit_status(ErrorKind::usage);
  }
  if (const auto handled = handle(*event); !handled) {
    std::cerr << error_text(handled.error(), "warning: ");
  }
  return 0;
}

}  // namespace vfio_switch
