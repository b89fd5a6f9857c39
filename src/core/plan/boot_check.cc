// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_check.h"

#include <algorithm>
#include <set>

#include "core/boot/card_parameters.h"
#include "core/cards/card.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_driver.h"
#include "core/modules/vfio_ids.h"
#include "core/plan/status.h"

namespace vfio_switch {

namespace {

Word driver_word(const std::optional<std::string>& driver) {
  return {driver.value_or("no driver")};
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
        const bool on_vfio = is_vfio_driver(device.driver);
        // Which of its own drivers the host has is not our affair.
        if (!wanted && !on_vfio) continue;
        if (escape && !on_vfio) {
          escaped = true;
          continue;
        }
        add(surprise(order, device));
      } else if (wanted && !order.vfio_wins()) {
        add({BootCause::host_kept_card,
             {{"device", order.device},
              {"driver", driver_word(device.driver)},
              {"kernel", Word{order.kernel}},
              {"reason", order.reason.value_or(Reason())}},
             {},
             {order.device}});
      }
    }
    if (escaped) {
      add({.cause = BootCause::escape_used, .warning = false});
    }
  }

  void look_for_strangers() {
    std::set<PciAddress> ours;
    for (const auto& device : status_.devices) ours.insert(device.address);
    const auto ids = bound_ids();
    for (const auto& device : facts_.devices) {
      if (!is_vfio_driver(device.driver) || ours.contains(device.address)) continue;
      if (!ids.match(device)) continue;
      add({BootCause::stranger_bound,
           {{"device", device.address}, {"name", Word{name_of(device)}}},
           {},
           {device.address}});
    }
  }

  void look_for_moves() {
    for (const auto& card : state_.cards) look_for_move(card, BootCause::card_moved);
    for (const auto& device : state_.extra_devices) look_for_move(device, BootCause::device_moved);
  }

  void look_for_move(const CardIdentity& card, BootCause cause) {
    const auto* there = find_device(facts_, card.address);
    if (there != nullptr && card.is_same_model(*there)) return;
    const auto now = std::ranges::find_if(
        facts_.devices, [&](const PciDevice& device) { return card.is_same_model(device); });
    if (now == facts_.devices.end()) return;  // a Refusal says so
    add({cause,
         {{"id", card.id}, {"from", card.address}, {"to", now->address}},
         {own_command({"enable"})},
         {now->address}});
  }

  void add_refusals() {
    for (const auto& refusal : status_.refusals) {
      add({.cause = BootCause::refused,
           .remedy = refusal.remedy,
           .devices = refusal.devices,
           .refusal = refusal});
    }
  }

  void look_at_kernels() {
    if (!status_.refusals.empty()) return;  // which is the reason
    for (const auto& kernel : status_.kernels) {
      if (kernel.staged != false || kernel.lacks_vfio) continue;
      add({BootCause::kernel_not_staged,
           {{"kernel", Word{kernel.release}}, {"reason", kernel.reason.value_or(Reason())}},
           {own_command({"enable"})}});
    }
  }

  void add(BootFinding finding) { record_.findings.push_back(std::move(finding)); }

 private:
  /// A function that another driver has than was expected, with what on the command line explains
  /// that.
  [[nodiscard]] BootFinding surprise(const LoadOrder& order, const PciDevice& device) const {
    BootFinding finding{BootCause::other_driver,
                        {{"device", order.device},
                         {"driver", driver_word(device.driver)},
                         {"expected", driver_word(order.winner)}},
                        {},
                        {order.device}};
    const auto parameter = std::ranges::find_if(status_.parameters, &TellingParameter::keeps_host);
    if (parameter != status_.parameters.end()) {
      finding.cause = BootCause::other_driver_parameter;
      finding.data.emplace_back("parameter", Parameter{parameter->word});
      finding.data.emplace_back("effect", parameter->effect);
    }
    return finding;
  }

  /// The ids of the card, and those that the configuration gives to vfio-pci.
  [[nodiscard]] VfioIds bound_ids() const {
    std::set<PciId> ids;
    for (const auto& card : state_.cards) ids.insert(card.id);
    for (const auto& device : state_.extra_devices) ids.insert(device.id);
    for (const auto& device : status_.devices) ids.insert(find_device(facts_, device.address)->id);
    VfioIds bound(ids);
    const auto configured = ids_of_modprobe(parse_modprobe(effective_modprobe(facts_.modprobe)));
    if (configured) bound.add(*configured);
    return bound;
  }

  const SystemFacts& facts_;
  const State& state_;
  const Status& status_;
  BootRecord& record_;
};

bool has_finding(const BootRecord& record, BootCause cause) {
  return std::ranges::find(record.findings, cause, &BootFinding::cause) != record.findings.end();
}

}  // namespace

BootRecord judge_failures(const SystemFacts& facts, const BootObservation& seen) {
  BootRecord record{seen.boot_id, seen.time, facts.running_kernel, {}, {}};
  if (seen.failed_boots < failed_boots_limit) return record;
  record.findings.push_back(
      {BootCause::boots_failed, {{"boots", Count{seen.failed_boots}}}, {own_command({"disable"})}});
  return record;
}

BootRecord judge_boot(const SystemFacts& facts, const State& state, const Status& status,
                      const Settings& settings, const BootObservation& seen) {
  const bool enabled = state.intent == Intent::enabled;
  BootRecord record{seen.boot_id, seen.time, facts.running_kernel, {}, {}};
  if (enabled) record = judge_failures(facts, seen);
  Judge judge(facts, state, status, record);
  if (state.intent == Intent::unset) {
    if (seen.pending) {
      judge.add({BootCause::set_up_pending,
                 {{"where", Reason(*seen.pending)}},
                 {own_command({"enable"})}});
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
    judge.add({.cause = BootCause::no_display});
  }
  return record;
}

bool should_disable(const BootRecord& record, const State& state, const Settings& settings) {
  if (state.intent != Intent::enabled || settings.auto_disable == false) return false;
  if (settings.auto_disable == true && has_finding(record, BootCause::boots_failed)) return true;
  // Whoever gave away the only display, or that of the boot, with a flag that names it, meant it.
  const auto accepted = [&](RefusalCode risk) {
    return std::ranges::find(state.accepted_risks, risk) != state.accepted_risks.end();
  };
  if (accepted(RefusalCode::boot_gpu) || accepted(RefusalCode::only_gpu)) return false;
  // A card that the host has is not what takes its display away.
  const bool taken = std::ranges::any_of(
      record.drivers, [](const BootDriver& driver) { return is_vfio_driver(driver.observed); });
  return taken && has_finding(record, BootCause::no_display);
}

}  // namespace vfio_switch
