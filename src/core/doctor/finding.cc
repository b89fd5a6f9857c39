// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/finding.h"

#include <algorithm>

namespace vfio_switch {

namespace {

std::vector<FindingKind> hardware_kinds() {
  using enum FindingCode;
  using enum Severity;
  return {
      {iommu_firmware_off, "iommu-firmware-off", problem,
       "Without an IOMMU no device can be given to a virtual machine."},
      {iommu_parameter_missing, "iommu-parameter-missing", problem,
       "The firmware announces the IOMMU, and this kernel uses it only when it is told to."},
      {iommu_switched_off, "iommu-switched-off", problem,
       "Without an IOMMU no device can be given to a virtual machine."},
      {iommu_silent, "iommu-silent", problem,
       "The firmware announces an IOMMU, and the kernel made no groups of it."},
      {parameter_wrong_vendor, "parameter-wrong-vendor", warning,
       "It has no effect on this processor, and may hide that the right one is missing."},
      {group_shared, "group-shared", problem,
       "A virtual machine gets a group as a whole: the host would lose the rest of it."},
      {group_missing, "group-missing", problem,
       "Only what is in an IOMMU group can be given to a virtual machine."},
      {no_second_gpu, "no-second-gpu", problem,
       "The host needs a display of its own while a virtual machine has the card."},
      {boot_display_on_card, "boot-display-on-card", problem,
       "The firmware and the boot messages use the card, and the host loses its screen with it."},
      {framebuffer_on_card, "framebuffer-on-card", warning,
       "QEMU cannot map memory of the card that a framebuffer holds (\"can't reserve\")."},
      {monitor_on_card, "monitor-on-card", problem, "The host loses its screen with the card."},
      {display_config, "display-config", problem,
       "The display server looks for the card, and may not start without it."},
      {prime_mode, "prime-mode", warning,
       "Programs are told to render on a card that the host no longer has."},
      {compositor_setting, "compositor-setting", problem,
       "The compositor opens the card at its start, and may not start without it."},
      {used_by_host, "used-by-host", problem, "It would disappear from the host with the card."},
      {choose_card, "choose-card", note, "Nothing is taken while it is not clear which is meant."},
  };
}

std::vector<FindingKind> configuration_kinds() {
  using enum FindingCode;
  using enum Severity;
  return {
      {early_driver, "early-driver", problem,
       "The host's driver takes the card before vfio-pci is there."},
      {softdep_shadowed, "softdep-shadowed", problem,
       "Of all softdep lines for a module modprobe uses the first one by file name; the others "
       "are ignored without a word."},
      {driver_blacklisted, "driver-blacklisted", warning,
       "If vfio-pci cannot take the card, or gives it back, the host cannot use it either."},
      {config_conflict, "config-conflict", problem, "vfio-pci would not get the card."},
      {vfio_pci_missing, "vfio-pci-missing", problem,
       "A boot of such a kernel leaves the card with the host."},
      {vfio_pci_built_in, "vfio-pci-built-in", problem,
       "modprobe's configuration does not reach a module that is built in."},
      {vfio_virqfd, "vfio-virqfd", warning,
       "Linux 6.2 made vfio_virqfd a part of vfio: a list that asks for it fails, with some tools "
       "the whole initramfs."},
      {older_tool, "older-tool", warning, "Two set-ups of the same card work against each other."},
      {other_tool, "other-tool", warning, "Two set-ups of the same card work against each other."},
      {interrupted, "interrupted", problem, "A change that is half done may leave neither state."},
      {file_edited, "file-edited", problem,
       "What somebody wrote is never overwritten, so that nothing can be brought up to date."},
      {not_staged, "not-staged", problem, "The next boot does not do what is wanted."},
      {image_stale, "image-stale", problem,
       "The drivers in the initramfs decide first, by the copies of the files in it."},
      {reboot_needed, "reboot-needed", warning, "Everything is staged, and nothing is active yet."},
      {not_active, "not-active", problem,
       "Everything is staged, and another driver has the card all the same."},
      {card_missing, "card-missing", problem,
       "Nothing is bound while what was chosen is not there."},
      {set_up_pending, "set-up-pending", note, "Nothing was set up on this machine so far."},
      {foreign_environment, "foreign-environment", problem,
       "The hardware that is shown may be another system's."},
  };
}

std::vector<FindingKind> surroundings_kinds() {
  using enum FindingCode;
  using enum Severity;
  return {
      {boot_not_mounted, "boot-not-mounted", problem,
       "An image written there would vanish as soon as the file system is mounted."},
      {ids_parameter_kept, "ids-parameter-kept", problem,
       "The parameter, meant for one boot without passthrough, keeps every boot without it."},
      {ids_parameter_now, "ids-parameter-now", note,
       "This boot was asked to leave the card with the host; the next one is not."},
      {command_line_locked, "command-line-locked", note,
       "Secure Boot lets nobody edit the command line at the boot menu: one boot without "
       "passthrough cannot be asked for there."},
      {hibernation, "hibernation", warning,
       "A resumed system has the drivers from before the switch, whatever is staged."},
      {held_open, "held-open", note, "These programs lose the card with the next boot."},
      {nvidia_persistenced, "nvidia-persistenced", warning,
       "With no NVIDIA card left for the host the service fails at every boot."},
      {memlock_limit, "memlock-limit", warning,
       "QEMU locks the guest's whole memory and fails with 'cannot allocate memory'."},
      {vfio_node_private, "vfio-node-private", note,
       "QEMU run by an ordinary user must open the group's file in /dev/vfio."},
      {reset_trouble, "reset-trouble", note,
       "Cards of this family often do not come back after a guest ends, until the host reboots."},
      {vm_device_missing, "vm-device-missing", warning, "The virtual machine will not start."},
      {vm_device_changed, "vm-device-changed", problem,
       "Addresses move when cards are added: the virtual machine would take that away from the "
       "host."},
      {vm_unreadable, "vm-unreadable", note, "What it gives to a guest cannot be checked."},
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
  return *std::ranges::find(finding_kinds(), code, &FindingKind::code);
}

Finding make_finding(FindingCode code, std::string found, std::string remedy,
                     std::vector<PciAddress> devices) {
  return {code, kind_of(code).severity, std::move(found), std::move(remedy), std::move(devices)};
}

bool falls_short(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity != Severity::note; });
}

}  // namespace vfio_switch
