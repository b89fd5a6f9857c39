// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/binding/giver.h"
#include "core/cards/card.h"
#include "core/doctor/checks.h"
#include "core/doctor/remedies.h"

namespace vfio_switch {

namespace {

bool is_among(const std::vector<PciAddress>& addresses, const PciAddress& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

/// What the next boot does with `device`, where something else than vfio-pci is known to take it,
/// or vfio-pci to do so.
const LoadOrder* proof_of(const Examination& examination, const PciAddress& device) {
  for (const auto* orders : {&examination.load_order, &examination.given_order}) {
    const auto found = std::ranges::find_if(
        *orders, [&](const LoadOrder& order) { return order.device == device && order.proved; });
    if (found != orders->end()) return &*found;
  }
  return nullptr;
}

/// Ids that no device has, where a device of the same card is given none: somebody mistyped it.
bool is_mistyped(const SystemFacts& facts, const Giver& giver) {
  return std::ranges::any_of(facts.devices, [&](const PciDevice& device) {
    const bool left_out =
        !device.device_class.is_pci_bridge() && !is_among(giver.devices, device.address);
    return left_out && std::ranges::any_of(giver.devices, [&](const PciAddress& given) {
             return given.same_slot(device.address);
           });
  });
}

Remedy without_ids(const SystemFacts& facts, const Giver& giver,
                   const std::vector<VfioId>& strangers) {
  std::set<PciId> ids;
  for (const auto& id : strangers) ids.insert(id.id);
  return drop_ids(facts, giver, giver.ids->without(ids));
}

void check_strangers(const Examination& examination, const Giver& giver,
                     std::vector<Finding>& findings) {
  const auto strangers = giver.strangers(examination.facts);
  if (strangers.empty()) return;
  std::vector<Item> ids;
  for (const auto& one : strangers) ids.emplace_back(one.id);
  auto finding =
      make_finding(FindingCause::given_unknown,
                   {{"what", giver.what}, {"ids", std::move(ids)}, {"driver", Word{giver.driver}}},
                   without_ids(examination.facts, giver, strangers));
  if (is_mistyped(examination.facts, giver)) finding.severity = Severity::warning;
  findings.push_back(std::move(finding));
}

/// Why the host needs the display at `device`; nothing where it does not.
std::optional<FindingCause> need_of_display(const Examination& examination,
                                            const PciAddress& device) {
  const auto& gpus = examination.selection.gpus;
  const auto gpu = std::ranges::find(gpus, device, &Candidate::gpu);
  if (gpu == gpus.end()) return std::nullopt;
  const auto has = [&](RefusalCause cause) {
    return std::ranges::find(gpu->refusals, cause, &Refusal::cause) != gpu->refusals.end();
  };
  if (has(RefusalCause::only_display)) return FindingCause::given_only_display;
  if (has(RefusalCause::boot_display)) return FindingCause::given_boot_display;
  if (has(RefusalCause::monitor_on_card)) return FindingCause::given_last_monitor;
  return std::nullopt;
}

/// What was given to a virtual machine, although the host needs it.
void check_need(const Examination& examination, const Giver& giver, const PciAddress& address,
                std::vector<Finding>& findings) {
  const auto& device = *find_device(examination.facts, address);
  Data data = {{"what", giver.what}, {"device", address}, {"driver", Word{giver.driver}}};
  auto cause = need_of_display(examination, address);
  if (!cause && !device.dependants.empty()) {
    cause = FindingCause::given_used;
    data.emplace_back("uses", words_of(device.dependants));
  }
  if (!cause) return;
  auto remedy = release(examination.facts, giver, {address});
  // Images have their own copies of files; parameters and driverctl's overrides they have not.
  if (giver.ids && std::holds_alternative<Place>(giver.what)) {
    remedy.push_back(rebuild_step(examination));
  }
  findings.push_back(make_finding(*cause, std::move(data), std::move(remedy), {address}));
}

/// What was given in vain. Of the card itself passthrough-lost says it.
void check_loss(const Examination& examination, const Giver& giver, const LoadOrder& order,
                std::vector<Finding>& findings) {
  if (is_in_question(examination, order.device) || !order.winner) return;
  Remedy remedy;
  if (giver.line) {
    const Place file{giver.line->file};
    remedy = {Edit{file, {}, "softdep " + *order.winner + " pre: vfio-pci"},
              rebuild_step(examination)};
    remedy.emplace_back(OtherWay{});
  }
  std::ranges::move(release(examination.facts, giver, {order.device}), std::back_inserter(remedy));
  findings.push_back(make_finding(FindingCause::given_lost,
                                  {{"what", giver.what},
                                   {"device", order.device},
                                   {"driver", Word{*order.winner}},
                                   {"reason", order.reason.value_or(Reason())}},
                                  std::move(remedy), {order.device}));
}

/// The card that vfio-switch was told to give away.
bool is_chosen(const Examination& examination, const PciAddress& device) {
  return examination.state.intent == Intent::enabled && is_in_question(examination, device);
}

}  // namespace

void check_given(const Examination& examination, std::vector<Finding>& findings) {
  for (const auto& giver : find_givers(examination.facts, examination.facts.modprobe)) {
    check_strangers(examination, giver, findings);
    if (!giver.counts) continue;
    for (const auto& device : giver.devices) {
      const auto* order = proof_of(examination, device);
      if (order == nullptr || is_chosen(examination, device)) continue;
      if (order->winner == giver.driver) {
        check_need(examination, giver, device, findings);
      } else if (giver.driver == "vfio-pci") {
        check_loss(examination, giver, *order, findings);
      }
    }
  }
}

}  // namespace vfio_switch
