// SPDX-License-Identifier: GPL-3.0-or-later
#include "backend/boot_events.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <iostream>

#include "apply/leave_menu.h"
#include "core/boot/card_parameters.h"
#include "core/tell/boot_text.h"
#include "system/boot/secure_boot.h"
#include "system/machine/foreign_system.h"
#include "system/machine/host_displays.h"
#include "system/planner/planner.h"
#include "system/state/boot_store.h"
#include "system/state/system_log.h"

namespace vfio_switch {

namespace {

std::string now() {
  const std::time_t time = std::time(nullptr);
  struct tm broken{};
  ::gmtime_r(&time, &broken);
  std::string text(sizeof "2026-11-22T12:00:00Z", '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &broken));
  return text;
}

Result<void> write(FileStore& files, const std::string& path, std::string text) {
  return files.replace(path, RegularFile{std::move(text), 0644, 0, 0});
}

Result<void> remove(FileStore& files, const std::string& path) {
  return files.exists(path) ? files.replace(path, Absent{}) : Result<void>();
}

/// Shown by pam_motd(8) to everybody who logs in during this boot.
Result<void> set_motd(FileStore& files, const std::string& text) {
  if (text.empty()) return remove(files, motd_path);
  if (!files.exists(motd_directory)) {
    if (auto made = files.replace(motd_directory, Directory{}); !made) return made;
  }
  return write(files, motd_path, text);
}

std::string text_of(const std::optional<std::string>& driver) {
  return driver.value_or("none");
}

/// One entry for the whole, and one for each finding, with fields to search for.
bool log_record(const BootRecord& record) {
  constexpr const char* informational = "6";
  constexpr const char* warning = "4";
  const LogFields common = {{"SYSLOG_IDENTIFIER", "vfio-switch"},
                            {"VFIO_SWITCH_EVENT", "boot-check"},
                            {"VFIO_SWITCH_KERNEL", record.kernel}};
  LogFields whole = common;
  whole.emplace_back("PRIORITY", record.good() ? informational : warning);
  whole.emplace_back("VFIO_SWITCH_RESULT", record.good() ? "good" : "fell-short");
  whole.emplace_back("VFIO_SWITCH_ACTION", std::string(to_string(record.action)));
  std::string drivers;
  for (const auto& driver : record.drivers) {
    whole.emplace_back("VFIO_SWITCH_DEVICE", driver.address.str());
    whole.emplace_back("VFIO_SWITCH_EXPECTED", text_of(driver.expected));
    whole.emplace_back("VFIO_SWITCH_OBSERVED", text_of(driver.observed));
    drivers += (drivers.empty() ? ": " : ", ") + driver.address.str() + " is bound to " +
               driver.observed.value_or("no driver") +
               " (expected: " + driver.expected.value_or("no driver") + ")";
  }
  whole.emplace_back(
      "MESSAGE",
      (record.good() ? "this boot is as configured" : "this boot is not as configured") + drivers);
  if (!send_to_journal(whole)) return false;
  for (const auto& finding : record.findings) {
    LogFields fields = common;
    fields.emplace_back("PRIORITY", finding.warning ? warning : informational);
    fields.emplace_back("VFIO_SWITCH_FINDING", std::string(finding.code()));
    for (const auto& address : finding.devices) {
      fields.emplace_back("VFIO_SWITCH_DEVICE", address.str());
    }
    fields.emplace_back("MESSAGE", boot_finding_text(finding));
    if (!send_to_journal(fields)) return false;
  }
  return true;
}

/// Tells everybody who should know. `urgent`: also who looks at a console.
Result<void> announce(const BootSite& site, const BootRecord& record, bool urgent) {
  const auto text = boot_warning(record, is_command_line_locked(site.files));
  const bool logged = site.is_running_system && log_record(record);
  // A person who calls it sees it; a unit's output would be in the journal twice.
  if (!logged || ::isatty(STDOUT_FILENO) == 1) std::cout << text;
  if (urgent && site.is_running_system) tell_consoles(text);
  return set_motd(site.files, text);
}

/// Takes passthrough back, and notes in `record` what came of it.
void give_up(const BootSite& site, BootRecord& record) {
  const auto disabled = site.disable();
  record.action = BootAction::disabled;
  if (!disabled) {
    record.action = BootAction::failed;
    record.problem = disabled.error().message;
    return;
  }
  const auto state = load_state(site.files);
  if (state && state->intent == Intent::enabled) record.action = BootAction::refused;
}

Result<BootObservation> observe(const FileReader& files, const SystemFacts& facts) {
  BootObservation seen;
  auto boot_id = read_boot_id(files);
  if (!boot_id) return failure_of(boot_id);
  seen.boot_id = std::move(*boot_id);
  seen.time = now();
  seen.failed_boots = load_boot_count(files).failed_before(seen.boot_id);
  seen.pending = pending_set_up(files, PendingSetUp::not_told);
  const auto display = has_host_display(files, facts);
  if (!display) return std::unexpected(display.error());
  seen.has_display = *display;
  return seen;
}

}  // namespace

Result<void> begin_boot(const BootSite& site) {
  auto machine = read_machine(site.files);
  if (!machine) return failure_of(machine);
  const auto& facts = machine->facts;
  // The command line may keep passthrough out of this boot: then its end says nothing about it.
  if (machine->state.intent != Intent::enabled || facts.foreign_environment ||
      is_escape(facts.command_line)) {
    return {};
  }
  auto seen = observe(site.files, facts);
  if (!seen) return failure_of(seen);
  auto count = load_boot_count(site.files);
  if (count.begun == 0 || count.boot_id != seen->boot_id) {
    count = {count.begun + 1, seen->boot_id};
    if (auto written = write(site.files, boot_count_path, render_boot_count(count)); !written) {
      return written;
    }
  }
  if (machine->settings.auto_disable != true || seen->failed_boots < failed_boots_limit) return {};
  auto record = judge_failures(machine->facts, *seen);
  give_up(site, record);
  if (auto written = write(site.files, boot_record_path, render_boot_record(record)); !written) {
    return written;
  }
  return announce(site, record, true);
}

Result<void> check_boot(const BootSite& site) {
  const auto began = std::chrono::system_clock::now();
  auto machine = read_machine(site.files);
  if (!machine) return failure_of(machine);
  if (machine->facts.foreign_environment) return {};
  auto seen = observe(site.files, machine->facts);
  if (!seen) return failure_of(seen);
  if (machine->state.intent == Intent::unset && !seen->pending) return {};
  auto earlier = load_boot_record(site.files);
  if (earlier && earlier->boot_id == seen->boot_id && earlier->action != BootAction::none) {
    // This boot was judged when it began, or by an earlier call; what it runs with is not what is
    // staged now.
    return remove(site.files, boot_count_path);
  }
  auto status = Planner(site.files, *machine).status();
  if (!status) return failure_of(status);
  auto record = judge_boot(machine->facts, machine->state, *status, machine->settings, *seen);
  const bool blind = !seen->has_display && !machine->settings.headless;
  if (should_disable(record, machine->state, machine->settings)) give_up(site, record);
  if (record.action == BootAction::none) leave_menu(site.files, status->menu, began);
  if (seen->pending && machine->state.intent == Intent::unset) {
    auto said = write(site.files, set_up_path, reported_note(*seen->pending) + "\n");
    if (!said) return said;
  }
  if (auto written = write(site.files, boot_record_path, render_boot_record(record)); !written) {
    return written;
  }
  if (auto reset = remove(site.files, boot_count_path); !reset) return reset;
  return announce(site, record, blind || record.action != BootAction::none);
}

Result<bool> give_up_after_failed_boots(const BootSite& site) {
  const auto count = load_boot_count(site.files);
  if (count.begun < failed_boots_limit) return false;
  auto machine = read_machine(site.files);
  if (!machine) return failure_of(machine);
  auto seen = observe(site.files, machine->facts);
  if (!seen) return failure_of(seen);
  if (seen->failed_boots < failed_boots_limit) return false;
  auto record = judge_failures(machine->facts, *seen);
  const bool allowed = machine->settings.auto_disable == true;
  if (allowed) give_up(site, record);
  std::cout << boot_warning(record, machine->facts.command_line_locked);
  return allowed;
}

}  // namespace vfio_switch
