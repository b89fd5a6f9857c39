// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/message/remedy.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace vfio_switch {

namespace {

using enum ByHand;

constexpr std::array<std::pair<ByHand, std::string_view>, 36> codes = {{
    {reboot, "reboot"},
    {log_in_again, "log-in-again"},
    {turn_on_vt_d, "turn-on-vt-d"},
    {turn_on_amd_iommu, "turn-on-amd-iommu"},
    {turn_on_iommu, "turn-on-iommu"},
    {turn_on_acs, "turn-on-acs"},
    {update_firmware, "update-firmware"},
    {choose_primary_gpu, "choose-primary-gpu"},
    {other_slot, "other-slot"},
    {move_monitor, "move-monitor"},
    {move_keyboard_or_disk, "move-keyboard-or-disk"},
    {unmount_disk, "unmount-disk"},
    {move_default_route, "move-default-route"},
    {add_gpu, "add-gpu"},
    {load_host_driver, "load-host-driver"},
    {insert_card, "insert-card"},
    {other_tools_window, "other-tools-window"},
    {set_vm_device, "set-vm-device"},
    {rebuild_initramfs, "rebuild-initramfs"},
    {build_and_sign_image, "build-and-sign-image"},
    {install_kernel, "install-kernel"},
    {install_vendor_reset, "install-vendor-reset"},
    {sign_module, "sign-module"},
    {run_on_the_machine, "run-on-the-machine"},
    {accept_no_screen, "accept-no-screen"},
    {keep_other_access, "keep-other-access"},
    {add_to_boot_loader, "add-to-boot-loader"},
    {remove_from_boot_loader, "remove-from-boot-loader"},
    {add_to_image_source, "add-to-image-source"},
    {remove_from_image_source, "remove-from-image-source"},
    {write_command_line, "write-command-line"},
    {comment_out, "comment-out"},
    {move_away, "move-away"},
    {have_recovery_key, "have-recovery-key"},
    {mind_devices, "mind-devices"},
    {report_bug, "report-bug"},
}};

}  // namespace

std::string_view to_string(ByHand what) {
  return std::ranges::find(codes, what, [](const auto& pair) { return pair.first; })->second;
}

const std::vector<ByHand>& by_hand_codes() {
  static const auto all = [] {
    std::vector<ByHand> list;
    for (const auto& [what, text] : codes) list.push_back(what);
    return list;
  }();
  return all;
}

void add_way(Remedy& remedy, Remedy other) {
  if (!remedy.empty() && !other.empty()) remedy.emplace_back(OtherWay{});
  std::ranges::move(other, std::back_inserter(remedy));
}

Run own_command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "vfio-switch");
  return {Command{std::move(arguments)}, true};
}

}  // namespace vfio_switch
