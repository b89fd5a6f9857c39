// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/rows.h"

namespace vfio_switch::test {

namespace {

using enum FindingCode;

FactsBuilder iommu_off(IommuTable table, std::string_view command_line = "ro quiet") {
  return desktop().iommu_off(table).command_line(command_line);
}

/// A network card in the same group, in a slot of its own.
FactsBuilder with_neighbour(unsigned group) {
  auto machine = desktop();
  machine.with(network("02:00.0", "8086:1572").group(group).driver("i40e").behind({"00:1c.0"}))
      .with(bridge("00:1c.0", "8086:7ab8").group(7).driver("pcieport"))
      .with(bridge("00:1d.0", "8086:7ab9").group(9).driver("pcieport"));
  return machine;
}

FactsBuilder monitor_moved(bool host_too) {
  auto machine = desktop();
  machine.change("00:02.0", [&](PciDevice& gpu) { gpu.connectors.front().connected = host_too; })
      .change("01:00.0", [](PciDevice& gpu) { gpu.connectors.push_back({"card1-DP-1", true}); });
  return machine;
}

FactsBuilder boots_on(std::string_view address) {
  auto machine = desktop();
  for (const std::string_view gpu : {"00:02.0", "01:00.0"}) {
    machine.change(gpu, [&](PciDevice& device) { device.boot_vga = gpu == address; });
  }
  return machine;
}

Examination claimed(std::string_view address, Place where) {
  auto facts = desktop().facts();
  facts.display_claims.push_back({at(address), std::move(where), "BusID \"PCI:1:0:0\""});
  return healthy(facts);
}

/// GRUB as on Debian, with a directory of drop-ins.
Grub grub_with(std::string_view settings) {
  const ParameterFile file{ParameterSyntax::grub_settings, "/etc/default/grub",
                           RegularFile{std::string(settings), 0644, 0, 0}};
  return {{file}, true, {"update-grub"}, "/boot/grub/grub.cfg", std::nullopt};
}

std::vector<Row> iommu_rows() {
  const auto vt_d = healthy(iommu_off(IommuTable::dmar).facts());
  const auto no_table = healthy(iommu_off(IommuTable::none).facts());
  const auto grub = [](Examination& e) {
    e.facts.boot_loader = grub_with("GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"quiet\"\n");
  };
  const auto off_line = [](Examination& e) {
    e.more.command_lines = {
        {"/etc/default/grub", 10, "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=off\""}};
  };
  return {
      {iommu_firmware_off, "no table", no_table, vt_d, "no DMAR or IVRS",
       "turn on VT-d (Intel) or IOMMU (AMD)"},
      {iommu_firmware_off, "no table, and the processor is known",
       with(no_table, [](auto& e) { e.more.cpu_vendor = "amd"; }), healthy(desktop().facts()),
       "reports no IOMMU", "turn on IOMMU (AMD-Vi)"},
      {iommu_parameter_missing, "a table that the kernel does not use", with(vt_d, grub), no_table,
       "needs intel_iommu=on",
       "In /etc/default/grub:2, replace 'GRUB_CMDLINE_LINUX=\"quiet\"' with "
       "'GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on\"'. Run 'update-grub'. Reboot."},
      {iommu_parameter_missing, "the same on Fedora",
       with(vt_d, [](auto& e) { e.facts.boot_loader = Grubby{}; }), healthy(desktop().facts()),
       "intel_iommu=on", "Run 'grubby --update-kernel=ALL --args=intel_iommu=on'. Reboot."},
      {iommu_parameter_missing, "where the boot loader is not known", vt_d, no_table,
       "intel_iommu=on", "Add intel_iommu=on to the kernel command line"},
      {iommu_parameter_missing, "the next boot has it",
       with(vt_d,
            [](auto& e) {
              e.facts.boot_loader = grub_with("GRUB_CMDLINE_LINUX=\"intel_iommu=on\"\n");
            }),
       no_table, "until the next boot, which will have intel_iommu=on", "Reboot.", Severity::note},
      {iommu_switched_off, "switched off, in a file",
       with(healthy(iommu_off(IommuTable::dmar, "intel_iommu=off").facts()), off_line), vt_d,
       "intel_iommu=off", "In /etc/default/grub:10, replace"},
      {iommu_switched_off, "switched off on AMD",
       healthy(iommu_off(IommuTable::ivrs, "amd_iommu=off").facts()),
       healthy(iommu_off(IommuTable::ivrs, "intel_iommu=off").facts()), "amd_iommu=off",
       "Remove amd_iommu=off from the kernel command line"},
      {iommu_silent, "a table, the parameter, and no groups",
       healthy(iommu_off(IommuTable::dmar, "intel_iommu=on").facts()), vt_d, "DMAR",
       "journalctl --dmesg"},
      {iommu_silent, "AMD needs no parameter", healthy(iommu_off(IommuTable::ivrs).facts()),
       no_table, "IVRS", "journalctl --dmesg"},
      {acs_override, "groups that are split by the kernel alone",
       healthy(desktop().command_line("quiet pcie_acs_override=downstream").facts()),
       healthy(iommu_off(IommuTable::ivrs, "pcie_acs_override=downstream").facts()),
       "pcie_acs_override=downstream", "Remove pcie_acs_override=downstream", Severity::note},
      {parameter_wrong_vendor, "AMD's on Intel",
       healthy(iommu_off(IommuTable::dmar, "amd_iommu=on").facts()),
       healthy(iommu_off(IommuTable::dmar, "intel_iommu=on").facts()), "on an Intel processor",
       "Remove amd_iommu=on"},
      {parameter_wrong_vendor, "no trouble where the IOMMU is on",
       with(healthy(desktop().command_line("intel_iommu=on").facts()),
            [](auto& e) { e.facts.iommu_table = IommuTable::ivrs; }),
       healthy(desktop().command_line("amd_iommu=on").facts()), "intel_iommu=on", "Remove",
       Severity::note},
  };
}

std::vector<Row> display_rows() {
  const auto plain = healthy(desktop().facts());
  const auto framebuffer = [](std::string_view address) {
    return [address](Examination& e) { e.more.framebuffers = {{"efifb", at(address)}}; };
  };
  const auto prime = [](std::string_view profile) {
    return [profile](Examination& e) { e.more.prime_profile = profile; };
  };
  const auto compositor = [](std::string_view address) {
    return [address](Examination& e) {
      e.more.compositors = {{"KWIN_DRM_DEVICES",
                             at(address),
                             {"/etc/environment", 3, "KWIN_DRM_DEVICES=/dev/dri/card1"}}};
    };
  };
  const auto amd = desktop().without("01:00.0").without("01:00.1").with(
      vga("01:00.0", "1002:744c").group(1).driver("amdgpu"));
  auto disk = desktop();
  disk.change("01:00.0", [](PciDevice& gpu) { gpu.dependants = {"disk sda"}; });
  auto second = desktop();
  second.with(vga("03:00.0", "10de:1d02").driver("nouveau"));
  return {
      {no_second_gpu, "the card is the only GPU", healthy(desktop().without("00:02.0").facts()),
       plain, "the only display", "Add a second graphics card"},
      {no_second_gpu, "no card but the processor's",
       healthy(desktop().without("01:00.0").without("01:00.1").facts()), plain,
       "No graphics card of this machine can be passed through", "Add a second graphics card"},
      {no_second_gpu, "no card at all",
       healthy(desktop().without("00:02.0").without("01:00.0").without("01:00.1").facts()), plain,
       "This machine has no graphics card.", "Add a second graphics card"},
      {boot_display_on_card, "the machine boots on it", healthy(boots_on("01:00.0").facts()),
       healthy(boots_on("00:02.0").facts()), "drives the boot display",
       "Run 'vfio-switch enable --device 0000:01:00.0 --allow-boot-gpu'."},
      {framebuffer_on_card, "efifb", with(plain, framebuffer("01:00.0")),
       with(plain, framebuffer("00:02.0")), "(efifb) is on 0000:01:00.0",
       "Add initcall_blacklist=sysfb_init to"},
      {monitor_on_card, "the only monitor", healthy(monitor_moved(false).facts()),
       healthy(monitor_moved(true).facts()), "monitor", "Connect the monitor to"},
      {display_config, "Xorg", claimed("01:00.0", Place{"/etc/X11/xorg.conf", 12}),
       claimed("00:02.0", Place{"/etc/X11/xorg.conf", 12}), "/etc/X11/xorg.conf:12 assigns",
       "Remove 'BusID \"PCI:1:0:0\"' from /etc/X11/xorg.conf:12."},
      {prime_mode, "nvidia", with(plain, prime("nvidia")), with(plain, prime("intel")), "nvidia",
       "prime-select intel", Severity::problem},
      {prime_mode, "on-demand, before anything is enabled", with(plain, prime("on-demand")),
       with(healthy(amd.facts()), prime("on-demand")), "on-demand", "prime-select intel",
       Severity::note},
      {prime_mode, "on-demand, enabled", with(enabled(desktop()), prime("on-demand")),
       with(enabled(desktop()), prime("off")), "/etc/prime-discrete:1", "prime-select intel"},
      {compositor_setting, "KWin", with(enabled(desktop()), compositor("01:00.0")),
       with(enabled(desktop()), compositor("00:02.0")), "/etc/environment:3",
       "Remove 'KWIN_DRM_DEVICES=/dev/dri/card1' from /etc/environment:3."},
      {used_by_host, "a disk below it", healthy(disk.facts()), plain, "disk sda",
       "Connect it to a controller"},
      {choose_card, "two cards", healthy(second.facts()), plain, "Several",
       "Run one of these commands: 'vfio-switch enable --device 0000:01:00.0' or "
       "'vfio-switch enable --device 0000:03:00.0'."},
      {choose_card, "no GPU is known to boot", healthy(boots_on("none").facts()), plain,
       "not known which GPU drives the boot display",
       "Run 'vfio-switch enable --device 0000:01:00.0'."},
  };
}

}  // namespace

std::vector<Row> hardware_rows() {
  auto rows = iommu_rows();
  for (auto& row : display_rows()) rows.push_back(std::move(row));
  auto no_group = desktop();
  no_group.change("01:00.1", [](PciDevice& device) { device.iommu_group.reset(); });
  rows.push_back({group_shared, "a network card in its group", healthy(with_neighbour(1).facts()),
                  healthy(with_neighbour(5).facts()), "IOMMU group 1 holds",
                  "a free port that has a group of its own, 0000:00:1d.0."});
  rows.push_back({group_missing, "one function has none", healthy(no_group.facts()),
                  healthy(desktop().facts()), "0000:01:00.1 is in no IOMMU group", "firmware"});
  return rows;
}

}  // namespace vfio_switch::test
