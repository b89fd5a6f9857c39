// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/status.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/cards/card.h"
#include "core/plan/boot_plan.h"

namespace vfio_switch {

namespace {

const FileChange* first_file_change(const Plan& plan) {
  for (const auto& change : plan.diff) {
    if (const auto* file = std::get_if<FileChange>(&change)) return file;
  }
  return nullptr;
}

KernelStatus kernel_status(const Kernel& kernel, const Plan& plan, Intent intent,
                           const ImageVerdicts& images, const std::string& running) {
  KernelStatus status{kernel.release, kernel.initramfs, true, {}};
  if (!kernel.loaded.empty()) status.image = kernel.loaded.back();
  status.running = kernel.release == running;
  const auto verdict = images.find(kernel.release);
  if (verdict != images.end()) status.image_has_vfio = verdict->second.has_vfio;
  if (intent != Intent::unset && verdict != images.end()) {
    status.image_staged = verdict->second.staged;
    status.root_decides = verdict->second.root_decides;
  }
  status.files_staged = plan.refusals.empty() && first_file_change(plan) == nullptr;
  const auto not_staged = [&](Reason reason) {
    status.staged = false;
    status.reason = std::move(reason);
    return status;
  };
  if (intent == Intent::enabled && kernel.vfio_pci == ModuleForm::missing) {
    status.lacks_vfio = true;
    return not_staged(ReasonCause::kernel_lacks_vfio);
  }
  if (!plan.refusals.empty()) {
    const Word code{std::string(to_string(plan.refusals.front().code()))};
    return not_staged({ReasonCause::plan_refused, {{"refusal", code}}});
  }
  if (const auto* change = first_file_change(plan)) {
    return not_staged({ReasonCause::file_differs, {{"file", Place{change->path}}}});
  }
  for (const auto& change : plan.diff) {
    if (const auto* boot = std::get_if<BootParameters>(&change)) {
      const auto by = boot->outputs.empty() ? Item(Word{"the boot loader"})
                                            : Item(Place{boot->outputs.front()});
      return not_staged({ReasonCause::parameter_not_passed,
                         {{"by", by}, {"parameters", parameters_of(boot->parameters)}}});
    }
  }
  if (intent == Intent::unset || verdict == images.end()) return status;
  status.staged = verdict->second.staged;
  status.reason = verdict->second.reason;
  return status;
}

/// The driver that `device` should have: vfio-pci, or what its modules say for the running kernel,
/// or else for the newest.
std::optional<std::string> expected_driver(const PciDevice& device, Intent intent,
                                           const std::vector<LoadOrder>& now,
                                           const std::string& running) {
  if (intent == Intent::enabled) return "vfio-pci";
  auto order = std::ranges::find_if(now, [&](const LoadOrder& one) {
    return one.device == device.address && one.kernel == running;
  });
  if (order == now.end()) order = std::ranges::find(now, device.address, &LoadOrder::device);
  return order == now.end() ? std::nullopt : order->winner;
}

/// What the next boot does; of one kernel, where one is given.
NextBoot next_boot_of(const std::vector<LoadOrder>& orders, const std::string& kernel = {}) {
  std::set<bool> winners;
  for (const auto& order : orders) {
    if (!kernel.empty() && order.kernel != kernel) continue;
    if (order.may_be_anybody() || (order.vfio_wins() && order.is_undecided())) {
      return NextBoot::unknown;
    }
    winners.insert(order.vfio_wins());
  }
  if (winners.size() == 2) return NextBoot::mixed;
  return winners.contains(true) ? NextBoot::vfio : NextBoot::host;
}

/// True where a kernel's modules cannot be told: nothing else is said of it, and it may be the one
/// that boots.
bool hides_a_kernel(const SystemFacts& facts) {
  return std::ranges::any_of(facts.unread, [](const UnreadFile& file) {
    return file.path.starts_with("/lib/modules/") && file.path.ends_with(".bin");
  });
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
  if (auto note = acs_note(facts); note && intent == Intent::enabled) {
    status.notes.push_back(std::move(*note));
  }
  const auto& running = facts.running_kernel;
  for (const auto& kernel : facts.kernels) {
    auto row = kernel_status(kernel, plan, intent, images, running);
    row.next_boot = next_boot_of(now, kernel.release);
    status.kernels.push_back(std::move(row));
  }
  for (const auto& address : plan.functions) {
    const auto& device = *find_device(facts, address);
    const auto expected = expected_driver(device, intent, now, running);
    status.devices.push_back({address, device.driver, expected, has_driver(device, expected),
                              is_extra(plan.state, address)});
  }
  status.load_order = now;
  status.next_boot = hides_a_kernel(facts) ? NextBoot::unknown : next_boot_of(now);
  status.command_line = facts.command_line;
  status.parameters = telling_parameters(facts.command_line);
  return status;
}

void add_menu(Status& status, MenuProof menu) {
  status.menu = std::move(menu);
  if (status.devices.empty()) return;
  const auto* next = status.menu.next_entry();
  status.next_boot = next != nullptr ? next->outcome() : NextBoot::unknown;
  if (status.intent == Intent::unset || !status.refusals.empty()) return;
  // Where a kernel's row says that it is not staged, its reason is enough.
  const bool staged = std::ranges::all_of(
      status.kernels, [](const KernelStatus& kernel) { return kernel.staged == true; });
  const bool wanted = status.intent == Intent::enabled && staged;
  if (auto note = note_on(status.menu, wanted)) status.notes.push_back(std::move(*note));
}

std::string Status::package_text(const std::string& release) const {
  if (!packages) return {};
  const auto kernel = std::ranges::find(packages->kernels, release, &KernelPackage::release);
  const bool known = kernel != packages->kernels.end() && !kernel->package.empty();
  return known ? " (" + kernel->package + ")" : std::string();
}

bool is_as_intended(const Status& status) {
  if (!status.refusals.empty()) return false;
  if (status.intent == Intent::unset) return true;  // nothing is wanted, nothing can fall short
  if (status.intent == Intent::enabled && status.next_boot == NextBoot::unknown) return false;
  const auto wanted = status.intent == Intent::enabled ? NextBoot::vfio : NextBoot::host;
  if (!status.devices.empty() && status.next_boot != wanted) return false;
  return std::ranges::all_of(status.kernels,
                             [](const KernelStatus& kernel) { return kernel.staged != false; }) &&
         std::ranges::all_of(status.devices, &DeviceStatus::active);
}

}  // namespace vfio_switch
