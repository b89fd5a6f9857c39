// SPDX-License-Identifier: GPL-3.0-or-later
#include <exception>
#include <iostream>
#include <string_view>

#include "cli/commands.h"
#include "cli/json_output.h"
#include "cli/planning_guard.h"
#include "cli/terminal.h"
#include "core/tell/plan_text.h"
#include "system/process/process.h"
#include "version.h"

namespace vfio_switch {

namespace {

Result<int> dispatch(const Options& options) {
  switch (options.verb) {
    case Verb::devices:
      return devices_command(options);
    case Verb::status:
    case Verb::verify:
      return status_command(options);
    case Verb::doctor:
      return doctor_command(options);
    case Verb::report:
      return report_command(options);
    case Verb::plan:
      return plan_command(options);
    case Verb::enable:
    case Verb::disable:
    case Verb::rollback:
      return change_command(options);
  }
  return exit_status(ErrorKind::usage);
}

int report(const Error& error, bool json) {
  if (json) {
    std::cout << error_json(error);
  } else {
    std::cerr << error_text(error);
  }
  return exit_status(error.kind);
}

int run(int argc, const char* const* argv) {
  const auto style = output_style();
  if (const auto prepared = prepare_process(); !prepared) {
    return report(prepared.error(), wants_json(argc, argv));
  }
  const bool without_plan = argc > 1 && std::string_view(argv[1]) == without_plan_option;
  if (without_plan) {
    --argc;
    ++argv;
  }
  auto options = parse_options(argc, argv);
  if (!options) return report(options.error(), wants_json(argc, argv));
  if (options->help) {
    std::cout << help_text();
    return exit_done;
  }
  if (options->version) {
    std::cout << "vfio-switch " << version << "\n";
    return exit_done;
  }
  options->style = style;
  options->without_plan = without_plan;
  const auto status = dispatch(*options);
  return status ? *status : report(status.error(), options->json);
}

/// What was printed must have arrived: a program that reads it would take half an answer for all.
int checked(int status) {
  if (!is_output_lost()) return status;
  std::cerr << "vfio-switch: cannot write to standard output\n";
  return status == exit_done ? exit_status(ErrorKind::failed) : status;
}

}  // namespace

}  // namespace vfio_switch

int main(int argc, char** argv) {
  try {
    return vfio_switch::checked(vfio_switch::run(argc, argv));
  } catch (const std::exception& bug) {
    std::cerr << "vfio-switch: internal error: " << bug.what()
              << "\n  Please report this. The next run undoes any unfinished change.\n";
    return vfio_switch::exit_status(vfio_switch::ErrorKind::failed);
  }
}
