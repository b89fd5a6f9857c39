// SPDX-License-Identifier: GPL-3.0-or-later
#include <string>
#include <string_view>

#include "core/doctor/rows.h"

namespace vfio_switch::test {

namespace {

using enum FindingCode;

constexpr std::string_view path = "/etc/modprobe.d/mine.conf";

/// Somebody's own ids; `winner` gets what is beside the card.
Examination given(FactsBuilder machine, const std::string& ids, std::string_view device = {},
                  std::string_view winner = "vfio-pci") {
  machine.modprobe(path, "# by hand\noptions vfio-pci ids=" + ids + "\n");
  return with(healthy(machine.facts()), [&](Examination& e) {
    if (device.empty()) return;
    const auto& kernel = e.facts.kernels.front().release;
    e.given_order = {{kernel, at(device), {}, {}, std::string(winner), Stage::root, true, {}}};
    if (winner == "vfio-pci") return;
    e.given_order.front().reason = {
        {ReasonCause::loaded_before_vfio, {{"module", Word{std::string(winner)}}}}};
  });
}

/// The controller's id on the command line.
Examination by_word(FactsBuilder machine, std::string_view winner) {
  return given(machine.command_line("vfio-pci.ids=8086:7ae0"), "10de:1d01", "00:14.0", winner);
}

FactsBuilder with_disk(bool used) {
  auto controller = usb("00:14.0", "8086:7ae0");
  if (used) controller.used_for("disk sda");
  return desktop().with(controller);
}

FactsBuilder card_alone() {
  return desktop().without("00:02.0").change("01:00.0",
                                             [](PciDevice& gpu) { gpu.boot_vga = true; });
}

FactsBuilder monitor_beside(bool host_too) {
  return desktop()
      .change("00:02.0", [&](PciDevice& gpu) { gpu.connectors.front().connected = host_too; })
      .change("01:00.0", [](PciDevice& gpu) { gpu.connectors.push_back({"card1-DP-1", true}); });
}

/// The same, given away by vfio-switch itself.
Examination chosen(const FactsBuilder& machine) {
  auto examination = given(machine, "10de:1d01,10de:0fb8");
  examination.state.intent = Intent::enabled;
  return examination;
}

}  // namespace

std::vector<Row> given_rows() {
  const std::string card = "10de:1d01,10de:0fb8";
  const std::string host = "8086:4680";
  const std::string controller = "8086:7ae0";
  const auto unordered = [](Examination& e) {
    auto& order = e.load_order.front();
    order.proved = false;
    order.reason = {{ReasonCause::nothing_orders, {{"modules", Word{"nouveau"}}}}};
  };
  return {
      {given_unknown, "a mistyped id", given(desktop(), "10de:1d01,10de:0fb9"),
       given(desktop(), card), "/etc/modprobe.d/mine.conf:2 gives 10de:0fb9 to vfio-pci",
       "replace 'options vfio-pci ids=10de:1d01,10de:0fb9' with 'options vfio-pci ids=10de:1d01'",
       Severity::warning},
      {given_unknown, "a device that was taken out", given(desktop(), card + ",1002:67df"),
       given(desktop(), card), "gives 1002:67df to vfio-pci", "In /etc/modprobe.d/mine.conf:2"},
      {given_needed, "the boot display", given(desktop(), host, "00:02.0"),
       given(desktop(), host, "00:02.0", "i915"), "it drives the boot display",
       "Remove 'options vfio-pci ids=8086:4680'"},
      {given_needed, "a disk, by the command line", by_word(with_disk(true), "vfio-pci"),
       by_word(with_disk(true), "xhci_hcd"), "vfio-pci.ids=8086:7ae0 gives 0000:00:14.0",
       "Remove vfio-pci.ids=8086:7ae0 from the kernel command line"},
      {given_needed, "the only display", given(card_alone(), card), chosen(card_alone()),
       "it is the only display", "with 'options vfio-pci ids=10de:0fb8'"},
      {given_needed, "the only monitor", given(monitor_beside(false), card),
       given(monitor_beside(true), card), "every connected monitor is on it",
       "with 'options vfio-pci ids=10de:0fb8'"},
      {given_needed, "a disk", given(with_disk(true), controller, "00:14.0"),
       given(with_disk(false), controller, "00:14.0"), "the host uses what is connected to it",
       "Remove"},
      {passthrough_lost, "or not: nothing orders it", with(given(desktop(), card), unordered),
       given(desktop(), card), "whether it gets there is not known", "vfio-switch enable"},
      {passthrough_lost, "of a device beside the card",
       given(with_disk(false), controller, "00:14.0", "xhci_hcd"),
       given(with_disk(false), controller, "00:14.0"),
       "gives 0000:00:14.0 to vfio-pci, but the next boot will bind xhci_hcd to it",
       "Add the line 'softdep xhci_hcd pre: vfio-pci' to /etc/modprobe.d/mine.conf."},
  };
}

}  // namespace vfio_switch::test
