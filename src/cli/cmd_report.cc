// SPDX-License-Identifier: GPL-3.0-or-later
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "cli/plan_request.h"
#include "cli/report_json.h"
#include "core/doctor/diagnosis.h"
#include "core/message/format.h"
#include "system/doctor/examine.h"
#include "system/machine/probe.h"
#include "system/machine/profile_store.h"
#include "system/planner/planner.h"
#include "system/state/state_store.h"

namespace vfio_switch {

namespace {

/// What of an error names nobody: which part failed, and how. Its sentence may quote any file.
std::string told_error(const Item& part, const Error& error) {
  const Data data = {{"part", part}, {"reason", Word{std::strerror(error.code)}}};
  if (error.kind == ErrorKind::usage) return format({"{1} cannot be parsed"}, data);
  if (error.kind == ErrorKind::permission) return format({"{1} needs root"}, data);
  return format(
      error.code == 0 ? Template{"{1} cannot be used"} : Template{"{1} cannot be used: {2}"}, data);
}

/// The part of a machine that cannot be read.
Item unreadable_part(const FileReader& files) {
  if (!load_profile(files)) return Word{"profile"};
  if (!load_settings(files)) return Place{"/etc/vfio-switch.conf"};
  return load_state(files) ? Item(Word{"machine"}) : Item(Place{state_path});
}

/// A machine whose settings or state cannot be understood is told as far as it can be.
Result<Machine> machine_to_tell(const FileReader& files, ReportParts& parts) {
  auto machine = read_machine(files);
  if (machine) return machine;
  parts.errors.push_back(told_error(unreadable_part(files), machine.error()));
  auto facts = probe_devices(files);
  if (!facts) return failure_of(facts);
  return Machine{{}, {}, {}, std::move(*facts)};
}

void add_answers(const FileReader& files, const Options& options, const Machine& machine,
                 ReportParts& parts, std::vector<std::string>& names) {
  auto asked = options;
  asked.verb = Verb::plan;
  auto previewed = preview(files, plan_for(asked), JournalUse::optional);
  if (previewed) {
    parts.plan = std::move(previewed->plan);
  } else {
    parts.errors.push_back(told_error(Word{"plan"}, previewed.error()));
  }
  auto examination = examine(files, machine, interrupted_change(files));
  if (!examination) {
    parts.errors.push_back(told_error(Word{"doctor"}, examination.error()));
    return;
  }
  parts.findings = diagnose(*examination);
  parts.status = std::move(examination->status);
  for (const auto& guest : examination->more.machines) {
    names.push_back(guest.name);
    const auto file = guest.path.substr(guest.path.rfind('/') + 1);
    names.push_back(file.substr(0, file.rfind('.')));
  }
}

Result<void> write_out(const std::string& text, const std::string& path) {
  if (path.empty()) {
    std::cout << text;
    return {};
  }
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    return fail("cannot write " + path + ": " + std::strerror(errno),
                "Use --output with a file in a directory that you can write to.");
  }
  std::cerr << "Wrote " << path
            << ". Host and user names were removed; read the file before you attach it to a bug "
               "report.\n";
  return {};
}

}  // namespace

Result<int> report_command(const Options& options) {
  auto files = open_reader(options.root);
  if (!files) return failure_of(files);
  ReportParts parts;
  auto machine = machine_to_tell(**files, parts);
  if (!machine) return failure_of(machine);
  auto names = private_names(**files);
  if (parts.errors.empty()) add_answers(**files, options, *machine, parts, names);
  auto recording = record(**files, machine->facts, machine->state);
  if (!recording) return failure_of(recording);
  const Scrubber scrub(names);
  if (auto written = write_out(report_json(*machine, *recording, parts, scrub), options.output);
      !written) {
    return failure_of(written);
  }
  return exit_done;
}

}  // namespace vfio_switch
