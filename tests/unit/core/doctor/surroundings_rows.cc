// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/selection.h"
#include "core/doctor/rows.h"

namespace vfio_switch::test {

namespace {

using enum FindingCode;

Examination kept(std::string_view path, std::string_view text) {
  return with(enabled(desktop()), [&](Examination& e) {
    e.more.command_lines = {{std::string(path), 1, std::string(text)}};
    if (path.starts_with("/etc/default/grub")) {
      e.facts.boot_loader = Grub{{}, true, {"update-grub"}, "/boot/grub/grub.cfg", std::nullopt};
    }
  });
}

/// A switch that waits for a reboot.
Examination pending(bool active, std::optional<Resume> resume) {
  return with(enabled(desktop()), [&](Examination& e) {
    e.status.devices.front().active = active;
    e.more.resume = std::move(resume);
  });
}

Examination held(std::string_view address, std::string_view driver) {
  auto machine = desktop();
  machine.change("01:00.0", [&](PciDevice& gpu) { gpu.driver = driver; });
  return with(healthy(machine.facts()), [&](Examination& e) {
    e.more.holders = {{"Xorg", 812, "/dev/dri/card1", at(address)}};
  });
}

Examination persistenced(bool another_card) {
  auto machine = desktop();
  if (another_card) {
    machine.with(vga("03:00.0", "10de:1d02").driver("nvidia").monitor().boots());
  }
  auto facts = machine.facts();
  const auto* gpu = &facts.devices[4];
  return with(
      healthy(facts,
              {Intent::enabled, {{gpu->address, gpu->id, gpu->subsystem, gpu->device_class}}, {}}),
      [](Examination& e) { e.more.persistenced = "/etc/systemd/system/x.wants/n.service"; });
}

Examination limits(bool rule, std::string_view memlock) {
  return with(enabled(desktop()), [&](Examination& e) {
    if (rule) e.more.vfio_rules = {{"/etc/udev/rules.d/70-vfio.rules", 2, "SUBSYSTEM==\"vfio\""}};
    e.more.memlock = {{"/etc/security/limits.d/vfio.conf", 1, std::string(memlock)}};
  });
}

Examination amd(std::string_view id, std::string_view reset_method) {
  const auto facts = desktop()
                         .without("01:00.0")
                         .without("01:00.1")
                         .with(vga("01:00.0", id).driver("amdgpu"))
                         .facts();
  return with(healthy(facts),
              [&](Examination& e) { e.more.reset_methods[at("01:00.0")] = reset_method; });
}

Examination guest(std::string_view address, std::string problem = {}) {
  auto machine = desktop();
  machine.change("00:1f.3", [](PciDevice& device) { device.dependants = {"disk sda"}; });
  return with(enabled(machine), [&](Examination& e) {
    e.more.machines = {
        {"win11", "/etc/libvirt/qemu/win11.xml", {{at(address), 88}}, std::move(problem), 3}};
  });
}

/// The card was at 01:00.0 and is at 02:00.0, since a network card was added.
Examination moved(std::string_view address) {
  const auto facts = desktop()
                         .without("01:00.0")
                         .without("01:00.1")
                         .with(network("01:00.0", "8086:1572").driver("i40e"))
                         .with(vga("02:00.0", "10de:1d01").driver("vfio-pci"))
                         .facts();
  return with(
      healthy(facts, {Intent::enabled, {{at("01:00.0"), id("10de:1d01"), {}, {0x030000}}}, {}}),
      [&](Examination& e) {
        e.more.machines = {{"win11", "/etc/libvirt/qemu/win11.xml", {{at(address), 88}}, {}}};
      });
}

/// GRUB with such settings; the next boot's ids are those in them.
Examination grub(Examination examination, std::string_view settings) {
  return with(std::move(examination), [&](Examination& e) {
    const RegularFile file{std::string(settings), 0644, 0, 0};
    e.facts.boot_loader = Grub{{{ParameterSyntax::grub_settings, "/etc/default/grub", file}},
                               false,
                               {"update-grub"},
                               "/boot/grub/grub.cfg",
                               std::nullopt};
  });
}

Examination disabled_with_ids(std::string_view ids) {
  auto machine = desktop();
  machine.command_line("ro vfio-pci.ids=" + std::string(ids));
  const auto facts = machine.facts();
  return healthy(facts, {Intent::disabled, select(facts, {}).cards, {}});
}

std::vector<Row> boot_rows() {
  auto unmounted = desktop().facts();
  unmounted.unmounted = {"/boot"};
  auto locked = desktop().facts();
  locked.command_line_locked = true;
  const auto escape = enabled(desktop().command_line("ro vfio-pci.ids="));
  return {
      {boot_not_mounted, "/boot", healthy(unmounted), healthy(desktop().facts()), "/boot is in",
       "Run 'mount /boot'."},
      {ids_parameter_kept, "by kernel-install",
       kept("/etc/kernel/cmdline", "root=/dev/sda1 ro vfio-pci.ids= quiet"),
       kept("/etc/kernel/cmdline", "root=/dev/sda1 ro quiet"), "/etc/kernel/cmdline:1",
       "In /etc/kernel/cmdline:1, replace 'root=/dev/sda1 ro vfio-pci.ids= quiet' with "
       "'root=/dev/sda1 ro quiet'."},
      {ids_parameter_kept, "in GRUB's defaults",
       kept("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet vfio_pci.ids=\""),
       kept("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"vfio_pci.ids=10de:1d01,10de:0fb8\""),
       "/etc/default/grub:1 has vfio_pci.ids=.",
       "with 'GRUB_CMDLINE_LINUX=\"quiet\"'. Run 'update-grub'."},
      {ids_parameter_kept, "nothing to lose before anything is enabled",
       kept("/boot/loader/entries/a.conf", "options ro vfio-pci.ids="),
       with(kept("/boot/loader/entries/a.conf", "options ro vfio-pci.ids="),
            [](auto& e) { e.state = {}; }),
       "/boot/loader/entries/a.conf:1", "with 'options ro'"},
      {ids_parameter_now, "this boot", escape, enabled(desktop()),
       "this boot has vfio-pci.ids=", "Reboot. Or: Run 'vfio-switch disable'."},
      {ids_parameter_now, "kept as well: that is said", escape,
       with(escape,
            [](auto& e) { e.more.command_lines = {{"/etc/kernel/cmdline", 1, "vfio-pci.ids="}}; }),
       "vfio-pci.ids=", "Reboot."},
      {ids_partial, "the sound function is left out",
       grub(enabled(desktop()), "GRUB_CMDLINE_LINUX=\"quiet vfio-pci.ids=10de:1d01\"\n"),
       grub(enabled(desktop()), "GRUB_CMDLINE_LINUX=\"quiet vfio-pci.ids=10de:0fb8,10de:1d01\"\n"),
       "has vfio-pci.ids=10de:1d01, which lacks 0000:01:00.1",
       "with 'GRUB_CMDLINE_LINUX=\"quiet vfio-pci.ids=10de:0fb8,10de:1d01\"'. Run 'update-grub'."},
      {still_given, "by somebody's own parameter", disabled_with_ids("10de:1d01,10de:0fb8"),
       disabled_with_ids("10de:2d04"),
       "vfio-pci.ids=10de:1d01,10de:0fb8 gives the card to vfio-pci",
       "Remove vfio-pci.ids=10de:1d01,10de:0fb8 from the kernel command line"},
      {words_outside_quotes, "in GRUB's settings",
       grub(enabled(desktop()), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\" iommu=pt\n"),
       grub(enabled(desktop()), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet iommu=pt\"\n"),
       "/etc/default/grub:1 has words outside the quotes",
       "with 'GRUB_CMDLINE_LINUX_DEFAULT=\"quiet iommu=pt\"'. Run 'update-grub'."},
      {command_line_locked, "a signed image", healthy(locked), healthy(desktop().facts()),
       "Secure Boot", "SSH"},
      {hibernation, "a switch waits", pending(false, Resume{"resume=/dev/sda2", {}}),
       pending(true, Resume{"resume=/dev/sda2", {}}), "has resume=/dev/sda2", "Reboot."},
      {hibernation, "and the system can hibernate", pending(false, Resume{{}, "259:3"}),
       pending(false, std::nullopt), "hibernate: /sys/power/resume is 259:3", "Reboot."},
  };
}

}  // namespace

std::vector<Row> surroundings_rows() {
  auto rows = boot_rows();
  const std::vector<Row> more = {
      {held_open, "Xorg", held("01:00.0", "nouveau"), held("00:02.0", "nouveau"),
       "Xorg (812, /dev/dri/card1)", "use a GPU that stays with the host"},
      {held_open, "a guest has it", held("01:00.0", "nouveau"), held("01:00.0", "vfio-pci"), "Xorg",
       "GPU"},
      {nvidia_persistenced, "the only NVIDIA card", persistenced(false), persistenced(true),
       "n.service", "systemctl disable --now nvidia-persistenced"},
      {memlock_limit, "a rule, and no limit", limits(true, "@kvm - memlock 65536"),
       limits(true, "@kvm - memlock unlimited"), "/etc/udev/rules.d/70-vfio.rules:2",
       "Add the line '@kvm - memlock unlimited' to /etc/security/limits.d/vfio.conf."},
      {vfio_node_private, "a limit, and no rule", limits(false, "@kvm - memlock unlimited"),
       limits(false, "@audio - memlock unlimited"), "/etc/security/limits.d/vfio.conf:1",
       "Add the line 'SUBSYSTEM==\"vfio\", GROUP=\"kvm\", MODE=\"0660\"' to "
       "/etc/udev/rules.d/70-vfio.rules."},
      {reset_trouble, "Polaris", amd("1002:67df", "bus"), amd("1002:73bf", "bus"),
       "is a card of the family Polaris 10 (reset_method: bus)", "vendor-reset"},
      {reset_trouble, "no reset_method in sysfs", amd("1002:67df", ""), amd("1002:73bf", ""),
       "is a card of the family Polaris 10.", "vendor-reset"},
      {reset_trouble, "mended", amd("1002:731f", "bus"), amd("1002:731f", "device_specific bus"),
       "Navi 10", "vendor-reset"},
      {vm_device_missing, "an address that is gone", guest("07:00.0"), guest("01:00.0"),
       "win11.xml:88 names 0000:07:00.0",
       "Run 'virsh edit win11'. Replace the address with the address of the card."},
      {vm_device_changed, "another device is there now", moved("01:00.0"), moved("02:00.0"),
       "no longer the card", "the address of the card, 0000:02:00.0."},
      {vm_device_changed, "a device of the host's", guest("00:1f.3"), guest("01:00.0"),
       "00:1f.3, which the host uses: disk sda.", "virsh edit"},
      {vm_device_changed, "the GPU of the boot display", guest("00:02.0"), guest("01:00.0"),
       "00:02.0, which drives the boot display.", "virsh edit"},
      {vm_device_changed, "a bridge", guest("00:01.0"), guest("01:00.1"), "a bridge", "virsh edit"},
      {vm_unreadable, "no XML", guest("01:00.0", "not well-formed"), guest("01:00.0"),
       "win11.xml:3 cannot be read: not well-formed", "virsh edit win11"},
  };
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

}  // namespace vfio_switch::test
