// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/table.h"
#include "core/cards/selection.h"
#include "core/pci/device_spec.h"
#include "core/plan/plan.h"

namespace vfio_switch {

enum class Verb { devices, status, plan, enable, disable, verify, rollback, doctor, report };

/// The command line, understood.
struct Options {
  Verb verb = Verb::status;
  Verb planned = Verb::plan;  ///< of `plan enable` and `plan disable`; plan itself: as intended
  std::string root = "/";     ///< --sysroot
  bool json = false;
  bool all = false;  ///< devices: what can go with the card as well
  bool dot = false;  ///< devices: a graph in the language of Graphviz
  bool dry_run = false;
  bool verbose = false;
  bool help = false;
  bool version = false;
  bool rebuild = false;
  bool without_plan = false;  ///< see PlanningGuard
  bool fix = false;           ///< doctor: fix what vfio-switch itself set up
  std::string output;         ///< report: the file; empty: standard output
  Style style;                ///< of text on standard output
  EditedFiles edited = EditedFiles::refuse;
  std::vector<DeviceSpec> devices;
  std::optional<std::vector<DeviceSpec>> extra_devices;  ///< --add-device; `none`: without a spec
  std::vector<RefusalCode> accepted_risks;
};

/// Parses the command line. An Error (usage) names the word that is wrong.
[[nodiscard]] Result<Options> parse_options(int argc, const char* const* argv);

/// True if --json is among the words: an error of parse_options() is then printed as JSON.
[[nodiscard]] bool wants_json(int argc, const char* const* argv);

[[nodiscard]] std::string help_text();

}  // namespace vfio_switch
