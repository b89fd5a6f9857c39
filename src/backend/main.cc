// SPDX-License-Identifier: GPL-3.0-or-later
#include <exception>
#include <iostream>

#include "backend/events.h"
#include "core/tell/plan_text.h"
#include "system/process/process.h"

namespace vfio_switch {

namespace {

int run(int argc, const char* const* argv) {
  if (const auto prepared = prepare_process(); !prepared) {
    std::cerr << error_text(prepared.error());
    return exit_status(prepared.error().kind);
  }
  const auto event = parse_event(argc, argv);
  if (!event) {
    std::cerr << error_text(event.error());
    return exit_status(ErrorKind::usage);
  }
  const auto handled = handle(*event);
  if (handled) return 0;
  std::cerr << error_text(handled.error(), "warning: ");
  return 0;
}

}  // namespace

}  // namespace vfio_switch

int main(int argc, char** argv) {
  try {
    return vfio_switch::run(argc, argv);
  } catch (const std::exception& bug) {
    std::cerr << "vfio-switch-plan: internal error: " << bug.what() << "\n";
    return 1;
  }
}
