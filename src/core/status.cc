// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/status.h"

#include <algorithm>
#include <set>

#include "core/boot_plan.h"
#include "core/card.h"
#include "core/text.h"

namespace vfio_switch {

namespace {

const FileChange* first_file_change(const Plan& plan) {
  for (const auto& change : plan.diff) {
    if (const auto* file = std::get_if<FileChange>(&change)) return file;
  }
  return nullptr;
}

KernelStatus kernel_status(const Kernel& kernel, const Plan& plan, Intent intent,
                           const ImageVerdicts& images) {
  KernelStatus status{kernel.release, kernel.initramfs, true, {}};
  const auto not_staged = [&](std::string reason) {
    status.staged = false;
    status.reason = std::move(reason);
    return status;
  };
  if (intent == Intent::enabled && kernel.vfio_pci == ModuleForm::missing) {
    return not_staged("this kernel has no vfio-pci module: the host's drivers take the card");
  }
  if (!plan.refusals.empty()) return not_staged(plan.refusals.front().message);
  if (const auto* change = first_file_change(plan)) {
    return not_staged(change->path + " is not as wanted");
  }
  for (const auto& change : plan.diff) {
    if (const auto* boot = std::get_if<BootParameters>(&change)) {
      return not_staged((boot->outputs.empty() ? "the boot loader" : boot->outputs.front()) +
                        " does not pass " + join(boot->parameters, " "));
    }
  }
  const auto verdict = images.find(kernel.release);
  if (intent == Intent::unset || verdict == images.end()) return status;
  status.staged = verdict->second.staged;
  status.reason = verdict->second.reason;
  return status;
}

/// The driver that `device` should have: vfio-pci, or what its modules say for the newest kernel.
std::optional<std::string> expected_driver(const PciDevice& device, Intent intent,
                                           const std::vector<LoadOrder>& now) {
  if (intent == Intent::enabled) return "vfio-pci";
  const auto order = std::ranges::find(now, device.address, &LoadOrder::device);
  return order == now.end() ? std::nullopt : order->winner;
}

bool is_active(const PciDevice& device, const std::optional<std::string>& expected) {
  if (!device.driver || !expected) return device.driver == expected;
  return *device.driver == *expected ||
         module_name(device.driver_module.value_or(*device.driver)) == module_name(*expected);
}

}  // namespace

Status make_status(const SystemFacts& facts, const Plan& plan, Intent intent,
                   const ImageVerdicts& images, const std::vector<LoadOrder>& now) {
  Status status;
  status.intent = intent;
  status.refusals = plan.refusals;
  if (intent == Intent::enabled && is_isolation_pending(facts)) {
    status.notes.push_back(isolation_note());
  }
  for (const auto& kernel : facts.kernels) {
    status.kernels.push_back(kernel_status(kernel, plan, intent, images));
  }
  for (const auto& address : plan.functions) {
    const auto& device = *find_device(facts, address);
    const auto expected = expected_driver(device, intent, now);
    status.devices.push_back({address, device.driver, expected, is_active(device, expected)});
  }
  status.load_order = now;
  std::set<bool> winners;
  for (const auto& order : now) winners.insert(order.vfio_wins());
  if (winners.size() == 2) {
    status.next_boot = NextBoot::mixed;
  } else if (winners.contains(true)) {
    status.next_boot = NextBoot::vfio;
  }
  return status;
}

bool is_as_intended(const Status& status) {
  return status.refusals.empty() &&
         std::ranges::all_of(status.kernels,
                             [](const KernelStatus& kernel) { return kernel.staged != false; }) &&
         std::ranges::all_of(status.devices, &DeviceStatus::active);
}

}  // namespace vfio_switch
