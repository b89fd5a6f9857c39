// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/redaction.h"

#include "catch.h"

namespace vfio_switch::test {

using Lines = std::vector<std::string>;

TEST_CASE("of modprobe's configuration only the harmless is told", "[told]") {
  CHECK(told_modprobe("# brunhilde's\nblacklist nouveau # hers\n") ==
        Lines{"", "blacklist nouveau"});
  CHECK(told_modprobe("softdep nvidia  pre: vfio-pci\n") == Lines{"softdep nvidia  pre: vfio-pci"});
  CHECK(told_modprobe("options vfio-pci ids=10de:1d01,10de:0fb8 disable_vga=1\n") ==
        Lines{"options vfio-pci ids=10de:1d01,10de:0fb8 disable_vga=1"});
  CHECK(told_modprobe("options vfio-pci ids=4a:5b:6c:7d:8e:9f\n") == Lines{""});
  CHECK(told_modprobe("options vfio-pci ids=10de:1d01 path=/home/brunhilde\n") == Lines{""});
  CHECK(told_modprobe("options tg3 mac=1\n") == Lines{""});
  CHECK(told_modprobe("alias eth0 secret/brunhilde\nalias char-1 loop\n") ==
        Lines{"", "alias char-1 loop"});
  CHECK(told_modprobe("install nvidia modprobe -i nvidia-current $CMDLINE_OPTS\n") ==
        Lines{"install nvidia modprobe -i nvidia-current $CMDLINE_OPTS"});
  CHECK(told_modprobe("install nouveau /bin/false\n") == Lines{"install nouveau /bin/false"});
  CHECK(told_modprobe("install nouveau /home/brunhilde/load\n") ==
        Lines{"install nouveau not-told"});
  CHECK(told_modprobe("install snd echo s3cret; modprobe -i snd\n") ==
        Lines{"install snd not-told"});
}

TEST_CASE("a continued line is told as one, and the rest keep their numbers", "[told]") {
  CHECK(told_modprobe("softdep \\\n  nouveau post: drm\nblacklist a\n") ==
        Lines{"softdep   nouveau post: drm", "", "blacklist a"});
}

TEST_CASE("of other files only what a plan goes by is told", "[told]") {
  CHECK(told_module_list("# fritz-pc\nvfio-pci ids=4a:5b\n") == Lines{"", "vfio-pci"});
  CHECK(told_xorg("Identifier \"fritz-pc\"\n  BusID \"PCI:1:0:0\" # x\n") ==
        Lines{"", "BusID \"PCI:1:0:0\""});
  CHECK(told_seat_rules(
            "NAME=\"eth7\"\nENV{ID_SEAT}=\"brunhilde\", TAG==\"drm-pci-0000_01_00_0\"\n") ==
        Lines{"", "ENV{ID_FOR_SEAT}==\"drm-pci-0000_01_00_0\", ENV{ID_SEAT}=\"seat1\""});
  CHECK(told_os_release("ID=debian\nPRETTY_NAME=\"fritz-pc\"\n") == Lines{"ID=debian"});
  CHECK(told_settings("device = 01:00.0\ndevice = fritz\n") == Lines{"device = 01:00.0", ""});
  CHECK(told_settings("extra-devices = none\n") == Lines{"extra-devices = none"});
  CHECK(told_prime_profile("on-demand\n") == "on-demand");
  CHECK(told_prime_profile("brunhilde\n").empty());
  CHECK(told_command_line("BOOT_IMAGE=/fritz iommu=pt ip=10.0.0.1 vfio-pci.ids=10de:1d01 "
                          "vfio-pci.ids=4a:5b:6c:7d:8e:9f kvm.x=4a-5b-6c-7d-8e-9f amdgpu.x=a/b") ==
        "iommu=pt vfio-pci.ids=10de:1d01");
  CHECK(may_be_told("/etc/modprobe.d/a.conf"));
  CHECK_FALSE(may_be_told("/etc/modprobe.d/a b.conf"));
}

TEST_CASE("names and addresses are taken out of sentences", "[told]") {
  const Scrubber scrub({"brunhilde", "fritz-pc", "debian", "win11", ""});
  CHECK(scrub("brunhilde's fritz-pc") == "(name)'s (name)");
  CHECK(scrub("/home/siegfried/.config/hypr/a.conf:3") == "/home/(name)/.config/hypr/a.conf:3");
  CHECK(scrub("/etc/libvirt/qemu/win11.xml:3 names 0000:01:00.0") ==
        "/etc/libvirt/qemu/(name).xml:3 names 0000:01:00.0");
  CHECK(scrub("4a:5b:6c:7d:8e:9f and 9f6bd5c1-7a57-4a5e-8f53-2f6ea1c05a11") ==
        "(address) and (uuid)");
  CHECK(scrub("/boot/0123456789abcdef0123456789abcdef/linux") == "/boot/(id)/linux");
  CHECK(scrub("run 'vfio-switch enable' on debian") == "run 'vfio-switch enable' on debian");
}

}  // namespace vfio_switch::test
