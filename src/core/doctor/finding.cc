// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/finding.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace vfio_switch {

namespace {

constexpr std::string_view without_iommu = "No device can be passed through without an IOMMU.";
constexpr std::string_view two_tools =
    "Two tools that configure the same card interfere with each other.";

std::vector<FindingKind> hardware_kinds() {
  using enum FindingCode;
  using enum Severity;
  return {
      {iommu_firmware_off, "iommu-firmware-off", problem, {without_iommu}},
      {iommu_parameter_missing, "iommu-parameter-missing", problem, {without_iommu}},
      {iommu_switched_off, "iommu-switched-off", problem, {without_iommu}},
      {iommu_silent, "iommu-silent", problem, {without_iommu}},
      {acs_override,
       "acs-override",
       warning,
       {"A virtual machine with the card may reach devices of the host, whatever its group says."}},
      {parameter_wrong_vendor,
       "parameter-wrong-vendor",
       warning,
       {"It may hide that the parameter for this processor is missing."}},
      {group_shared,
       "group-shared",
       problem,
       {"A virtual machine gets a whole group: the host would lose the other devices in it."}},
      {group_missing,
       "group-missing",
       problem,
       {"Only a device in an IOMMU group can be passed through."}},
      {no_second_gpu,
       "no-second-gpu",
       problem,
       {"The host needs a display of its own while a virtual machine has the card."}},
      {boot_display_on_card,
       "boot-display-on-card",
       problem,
       {"The firmware and the boot messages use the card, so the host would lose its screen."}},
      {framebuffer_on_card,
       "framebuffer-on-card",
       warning,
       {"QEMU cannot map memory of the card that a framebuffer uses (\"can't reserve\")."}},
      {monitor_on_card,
       "monitor-on-card",
       problem,
       {"The host would lose its screen together with the card."}},
      {display_config,
       "display-config",
       problem,
       {"The display server looks for the card, and may not start without it."}},
      {prime_mode,
       "prime-mode",
       warning,
       {"The host no longer has that card while it is passed through."}},
      {compositor_setting,
       "compositor-setting",
       problem,
       {"The compositor opens the card when it starts, and may not start without it."}},
      {used_by_host,
       "used-by-host",
       problem,
       {"It would disappear from the host together with the card."}},
      {choose_card,
       "choose-card",
       note,
       {"vfio-switch takes no card until it is clear which one is meant."}},
  };
}

std::vector<FindingKind> configuration_kinds() {
  using enum FindingCode;
  using enum Severity;
  return {
      {early_driver, "early-driver", problem, {"That module binds the card before vfio-pci does."}},
      {softdep_shadowed,
       "softdep-shadowed",
       problem,
       {"modprobe uses only the first softdep line for a module, in the order of file names, and "
        "silently ignores the others."}},
      {passthrough_lost,
       "passthrough-lost",
       problem,
       {"It is configured for virtual machines, which will not get it, or not at each boot."}},
      {given_needed,
       "given-needed",
       problem,
       {"The host has to do without it from the next boot on."}},
      {given_unknown,
       "given-unknown",
       note,
       {"Such an id gives nothing away, and a mistyped one leaves the device with the host."}},
      {driver_blacklisted,
       "driver-blacklisted",
       warning,
       {"If vfio-pci cannot bind the card, or releases it, the host cannot use it either."}},
      {config_conflict, "config-conflict", problem, {"vfio-pci would not bind the card."}},
      {build_fails, "build-fails", problem, {"The next kernel upgrade will fail as well."}},
      {vfio_pci_missing,
       "vfio-pci-missing",
       problem,
       {"With such a kernel vfio-pci cannot bind the card."}},
      {vfio_pci_built_in,
       "vfio-pci-built-in",
       problem,
       {"The configuration of modprobe has no effect on a built-in module."}},
      {vfio_virqfd,
       "vfio-virqfd",
       warning,
       {"Since Linux 6.2 vfio_virqfd is part of vfio: a list that names it causes an error, and "
        "with some tools the whole initramfs build fails."}},
      {older_tool, "older-tool", warning, {two_tools}},
      {other_tool, "other-tool", warning, {two_tools}},
      {interrupted,
       "interrupted",
       problem,
       {"A change that is half done may leave neither the old nor the new state."}},
      {file_edited,
       "file-edited",
       problem,
       {"vfio-switch does not overwrite an edited file without being told to, so this file is out "
        "of date."}},
      {not_staged, "not-staged", problem, {"The next boot may not do what was chosen."}},
      {image_stale,
       "image-stale",
       problem,
       {"The initramfs decides first, and uses its own copies of the configuration files."}},
      {reboot_needed,
       "reboot-needed",
       warning,
       {"The files are in place, but drivers change only at a boot."}},
      {not_active,
       "not-active",
       problem,
       {"The files are in place and the machine was rebooted, but the card is not bound as "
        "expected."}},
      {card_missing,
       "card-missing",
       problem,
       {"Nothing is bound while the chosen card is not there."}},
      {set_up_pending,
       "set-up-pending",
       note,
       {"vfio-switch has set nothing up on this machine so far."}},
      {foreign_environment,
       "foreign-environment",
       problem,
       {"The hardware that is shown may be that of another system."}},
  };
}

std::vector<FindingKind> surroundings_kinds() {
  using enum FindingCode;
  using enum Severity;
  return {
      {boot_not_mounted,
       "boot-not-mounted",
       problem,
       {"An initramfs written there would be hidden as soon as the file system is mounted."}},
      {ids_parameter_kept,
       "ids-parameter-kept",
       problem,
       {"In every boot with this parameter vfio-pci does not get the card, whatever vfio.conf "
        "says."}},
      {ids_parameter_now,
       "ids-parameter-now",
       note,
       {"It was not found in the boot loader's configuration, so it probably applies to this boot "
        "only."}},
      {ids_partial,
       "ids-partial",
       problem,
       {"Where the kernel command line has ids, vfio-pci gets these alone, whatever vfio.conf "
        "says."}},
      {still_given,
       "still-given",
       warning,
       {"Passthrough is disabled, but this was not set up by vfio-switch and stays."}},
      {words_outside_quotes,
       "words-outside-quotes",
       problem,
       {"The shell takes what stands outside the quotes for a command: no kernel gets it, and the "
        "settings cannot be read."}},
      {command_line_locked,
       "command-line-locked",
       note,
       {"The command line cannot be edited at the boot menu, so one boot without passthrough "
        "cannot be chosen there."}},
      {hibernation,
       "hibernation",
       warning,
       {"A resumed system has the drivers from before the switch, whatever is staged."}},
      {held_open, "held-open", note, {"These programs lose the card at the next boot."}},
      {nvidia_persistenced,
       "nvidia-persistenced",
       warning,
       {"Without an NVIDIA card for the host the service fails at every boot."}},
      {memlock_limit,
       "memlock-limit",
       warning,
       {"QEMU locks the guest's whole memory, and fails with 'cannot allocate memory'."}},
      {vfio_node_private,
       "vfio-node-private",
       note,
       {"QEMU run by an ordinary user must open the group's file in /dev/vfio. For libvirt's "
        "system instance nothing is needed."}},
      {reset_trouble,
       "reset-trouble",
       note,
       {"After a guest ends, cards of this family often do not work until the host reboots."}},
      {vm_device_missing, "vm-device-missing", warning, {"The virtual machine will not start."}},
      {vm_device_changed,
       "vm-device-changed",
       problem,
       {"Addresses change when cards are added: the virtual machine would take that device from "
        "the host."}},
      {vm_unreadable, "vm-unreadable", note, {"vfio-switch cannot check what it passes through."}},
  };
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::problem:
      return "problem";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return {};
}

const std::vector<FindingKind>& finding_kinds() {
  static const auto all = [] {
    auto kinds = hardware_kinds();
    for (const auto& more : {configuration_kinds(), surroundings_kinds()}) {
      kinds.insert(kinds.end(), more.begin(), more.end());
    }
    return kinds;
  }();
  return all;
}

const FindingKind& kind_of(FindingCode code) {
  return finding_kinds().at(static_cast<std::size_t>(code));
}

Finding make_finding(FindingCause cause, Data data, Remedy remedy,
                     std::vector<PciAddress> devices) {
  Finding finding;
  finding.cause = cause;
  finding.severity = kind_of(finding.code()).severity;
  finding.data = std::move(data);
  finding.remedy = std::move(remedy);
  finding.devices = std::move(devices);
  return finding;
}

Finding repeat_refusal(FindingCause cause, const Refusal& refusal, Remedy remedy) {
  auto finding = make_finding(cause, refusal.data, std::move(remedy), refusal.devices);
  finding.refusal = refusal;
  return finding;
}

bool falls_short(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity != Severity::note; });
}

}  // namespace vfio_switch
