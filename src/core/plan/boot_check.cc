// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_check.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/boot/card_parameters.h"
#include "core/cards/card.h"
#include "core/modules/modprobe_conf.h"
#include "core/plan/status.h"

namespace vfio_switch {

namespace {

constexpr std::string_view failed_boots_code = "failed-boots";
constexpr std::string_view no_display_code = "no-display";

std::string driver_text(const std::optional<std::string>& driver) {
  return driver.value_or("no driver");
}

/// Adds what it finds to a record.
class Judge {
 public:
  Judge(const SystemFacts& facts, const State& state, const Status& status, BootRecord& record)
      : facts_(facts), state_(state), status_(status), record_(record) {}

  void compare_drivers() {
    const bool wanted = state_.intent == Intent::enabled;
    const bool escape = is_escape(facts_.command_line);
    bool escaped = false;
    for (const auto& order : status_.load_order) {
      if (order.kernel != facts_.running_kernel) continue;
      const auto& device = *find_device(facts_, order.device);
      record_.drivers.push_back({order.device, order.winner, device.driver});
      if (!has_driver(device, order.winner)) {
        const bool on_vfio = device.driver == "vfio-pci";
        // Which of its own drivers the host has is not our affair.
        if (!wanted && !on_vfio) continue;
        if (escape && !on_vfio) {
          escaped = true;
          continue;
        }
        add("not-as-expected",
            order.device.str() + " is bound to " + driver_text(device.driver) + "; expected " +
                driver_text(order.winner) + cause(),
            {order.device});
      } else if (wanted && !order.vfio_wins()) {
        add("not-staged",
            "the host has " + order.device.str() + " (" + driver_text(device.driver) +
                "), as expected for kernel " + order.kernel +
                (order.reason.empty() ? "" : ": " + order.reason),
            {order.device});
      }
    }
    if (escaped) {
      add("escape", "vfio-pci.ids= on the kernel command line left the card with the host", {},
          false);
    }
  }

  void look_for_strangers() {
    std::set<PciAddress> ours;
    for (const auto& device : status_.devices) ours.insert(device.address);
    const auto ids = bound_ids();
    for (const auto& device : facts_.devices) {
      if (device.driver != "vfio-pci" || ours.contains(device.address)) continue;
      if (!ids.contains(device.id)) continue;
      add("foreign-device",
          describe(device) + " was taken by vfio-pci, and is not the card that was chosen",
          {device.address});
    }
  }

  void look_for_moves() {
    for (const auto& card : state_.cards) {
      const auto* there = find_device(facts_, card.address);
      if (there != nullptr && card.is_same_model(*there)) continue;
      const auto now = std::ranges::find_if(
          facts_.devices, [&](const PciDevice& device) { return card.is_same_model(device); });
      if (now == facts_.devices.end()) continue;  // a Refusal says so
      add("moved",
          "the card that was at " + card.address.str() + " is at " + now->address.str() +
              " now; 'vfio-switch enable' follows it",
          {now->address});
    }
  }

  void add_refusals() {
    for (const auto& refusal : status_.refusals) {
      add(std::string(to_string(refusal.code)), refusal.message, refusal.devices);
    }
  }

  void look_at_kernels() {
    if (!status_.refusals.empty()) return;  // which is the reason
    for (const auto& kernel : status_.kernels) {
      if (kernel.staged != false || kernel.lacks_vfio) continue;
      add("not-staged", "kernel " + kernel.release + " is not staged: " + kernel.reason, {});
    }
  }

  void add(std::string_view code, std::string message, std::vector<PciAddress> devices,
           bool warning = true) {
    record_.findings.push_back(
        {std::string(code), std::move(message), std::move(devices), warning});
  }

 private:
  /// What on the command line explains that vfio-pci has not got it.
  [[nodiscard]] std::string cause() const {
    for (const auto& parameter : status_.parameters) {
      if (!parameter.keeps_host) continue;
      return ": " + parameter.word + " on the kernel command line " + parameter.effect;
    }
    return {};
  }

  /// The ids of the card, and those that the configuration gives to vfio-pci.
  [[nodiscard]] std::set<PciId> bound_ids() const {
    std::set<PciId> ids;
    for (const auto& card : state_.cards) ids.insert(card.id);
    for (const auto& device : status_.devices) ids.insert(find_device(facts_, device.address)->id);
    const auto configured =
        effective_vfio_ids(parse_modprobe(effective_modprobe(facts_.modprobe))).value_or("");
    for (const auto word : split_words(configured, ",")) {
      constexpr std::size_t id_length = 9;  // "10de:2d04"
      if (const auto id = PciId::parse(word.substr(0, id_length))) ids.insert(*id);
    }
    return ids;
  }

  const SystemFacts& facts_;
  const State& state_;
  const Status& status_;
  BootRecord& record_;
};

bool has_finding(const BootRecord& record, std::string_view code) {
  return std::ranges::find(record.findings, code, &BootFinding::code) != record.findings.end();
}

}  // namespace

bool BootRecord::good() const {
  return std::ranges::none_of(findings, &BootFinding::warning);
}

BootRecord judge_failures(const SystemFacts& facts, const BootObservation& seen) {
  BootRecord record{seen.boot_id, seen.time, facts.running_kernel, {}, {}, {}};
  if (seen.failed_boots < failed_boots_limit) return record;
  record.findings.push_back(
      {std::string(failed_boots_code),
       std::to_string(seen.failed_boots) +
           " boots in a row did not reach the login; 'vfio-switch disable' gives the card back to "
           "the host",
       {}});
  return record;
}

BootRecord judge_boot(const SystemFacts& facts, const State& state, const Status& status,
                      const Settings& settings, const BootObservation& seen) {
  const bool enabled = state.intent == Intent::enabled;
  BootRecord record{seen.boot_id, seen.time, facts.running_kernel, {}, {}, {}};
  if (enabled) record = judge_failures(facts, seen);
  Judge judge(facts, state, status, record);
  if (state.intent == Intent::unset) {
    if (seen.pending) {
      judge.add("set-up-pending",
                "the package was installed in " + *seen.pending +
                    ", where this machine's hardware could not be seen; 'vfio-switch enable' sets "
                    "it up, 'vfio-switch devices' says what could be given away",
                {});
    }
    return record;
  }
  judge.compare_drivers();
  if (!enabled) return record;
  judge.look_for_strangers();
  judge.look_for_moves();
  judge.add_refusals();
  judge.look_at_kernels();
  if (!seen.has_display && !settings.headless) {
    judge.add(no_display_code,
              "the host has no display: neither a DRM connector nor the firmware's framebuffer; "
              "where none is needed, say so with 'headless = yes' in /etc/vfio-switch.conf",
              {});
  }
  return record;
}

std::string reason_to_disable(const BootRecord& record, const State& state,
                              const Settings& settings) {
  if (state.intent != Intent::enabled || settings.auto_disable == false) return {};
  if (settings.auto_disable == true && has_finding(record, failed_boots_code)) {
    return "the boots before did not reach the login";
  }
  // A card that the host has is not what takes its display away.
  const bool taken = std::ranges::any_of(
      record.drivers, [](const BootDriver& driver) { return driver.observed == "vfio-pci"; });
  return taken && has_finding(record, no_display_code) ? "the host has no display" : "";
}

std::string escape_text(bool command_line_locked) {
  return command_line_locked
             ? "The kernel command line of this machine is locked: if the screen stays black, it "
               "cannot be changed at the boot menu.\n"
             : "If the screen stays black, append 'vfio-pci.ids=' (nothing after the '=') to the "
               "kernel command line at the boot menu.\n";
}

std::string boot_warning(const BootRecord& record, bool command_line_locked) {
  std::string text;
  for (const auto& finding : record.findings) {
    if (finding.warning) text += "vfio-switch: " + printable(finding.message) + ".\n";
  }
  if (text.empty()) return text;
  if (record.action == "disabled") {
    text += "vfio-switch: passthrough was disabled: the next boot gives the card to the host.\n";
  } else if (!record.action.empty()) {
    text += "vfio-switch: passthrough could not be disabled: " + printable(record.action) + "\n";
  }
  text += "vfio-switch: 'vfio-switch status' says more.";
  if (!command_line_locked) {
    text +=
        " One boot without passthrough: add vfio-pci.ids= to\n"
        "vfio-switch: the kernel command line at the boot menu.";
  }
  return text + "\n";
}

}  // namespace vfio_switch
