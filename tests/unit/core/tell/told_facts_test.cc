// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/told_facts.h"

#include "catch.h"
#include "core/tell/doctor_text.h"
#include "core/tell/remedy_text.h"
#include "told.h"

namespace vfio_switch::test {

namespace {

/// What is left of a command.
std::string told(std::vector<std::string> arguments) {
  return test::plain(remedy_text(told_remedy({Run{{std::move(arguments)}, true}})));
}

}  // namespace

TEST_CASE("of paths only the system's own are told", "[told]") {
  CHECK(told_path("/etc/modprobe.d/a.conf") == "/etc/modprobe.d/a.conf");
  CHECK(told_path("/boot/initrd.img-6.1.0") == "/boot/initrd.img-6.1.0");
  CHECK(told_path("/etc/modprobe.d/a b.conf") == "...");
  CHECK(told_path("/srv/brunhilde") == "...");
  CHECK(told_path("/run/media/brunhilde/x") == "...");
  CHECK(told_path("/home/brunhilde") == "/home/(name)");
  CHECK(told_path("/home/brunhilde/.profile") == "/home/(name)/.profile");
  CHECK(told_path("/home/brunhilde/.config/hypr/nibelung.conf") == "/home/(name)/...");
  CHECK(told_path("/home/b r/.config/sway/config") == "/home/(name)/.config/sway/config");
  CHECK(told_path("/var/home/brunhilde/.profile") == "/var/home/(name)/.profile");
  CHECK(told_path("/root/.config/sway/config") == "/root/.config/sway/config");
  CHECK(told_path("/root/nibelung") == "/root/...");
  CHECK(told_path("/etc/libvirt/qemu/brunhilde.xml") == "/etc/libvirt/qemu/(name).xml");
  CHECK(told_path("/boot/0123456789abcdef0123456789abcdef/6.1.0/linux") ==
        "/boot/(id)/6.1.0/linux");
}

TEST_CASE("of kernel parameters only those about passthrough are told", "[told]") {
  for (const auto* word : {"iommu=pt", "intel_iommu=on,sm_on", "amd_iommu=off", "quiet",
                           "vfio-pci.ids=10de:1d01,10de:0fb8", "vfio_pci.ids=", "kvm.x=1",
                           "module_blacklist=nouveau,nvidia", "amdgpu.ppfeaturemask=0xffffffff"}) {
    CHECK(told_parameter(word) == word);
  }
  CHECK(told_parameter("amd_iommu=brunhilde") == "amd_iommu=...");
  CHECK(told_parameter("vfio-pci.ids=brunhilde") == "vfio-pci.ids=...");
  CHECK(told_parameter("nvidia.x=brunhilde") == "nvidia.x=...");
  CHECK(told_parameter("resume=/dev/mapper/brunhilde") == "resume=...");
  CHECK(told_parameter("brunhilde=1") == "...");
  CHECK(told_parameter("brunhilde") == "...");
  CHECK(told_parameter("quiet brunhilde") == "...");
  CHECK(told_parameter("").ends_with("..."));
}

TEST_CASE("of lines of files only those that are spelled harmlessly are told", "[told]") {
  for (const auto* line :
       {"blacklist vfio-pci", "softdep nouveau pre: vfio-pci", "options vfio-pci ids=10de:1d01",
        "BusID \"PCI:1:0:0\"", "install nouveau /bin/false"}) {
    CHECK(told_line(line) == line);
  }
  for (const auto* line : {"install vfio-pci /home/brunhilde/load", "blacklist a # brunhilde",
                           "install vfio-pci it's 'brunhilde' says 'x'", "brunhilde",
                           "options vfio-pci ids=10de:1d01 x=brunhilde", "blacklist a\nbrunhilde",
                           "KWIN_DRM_DEVICES=/dev/dri/card1", "BusID \"PCI:1:0:0\" # b", ""}) {
    CHECK(told_line(line) == "...");
  }
}

TEST_CASE("commands of the program's own are told, and of others what names nobody", "[told]") {
  CHECK(told({"vfio-switch", "enable", "--device", "0000:01:00.0", "--allow-boot-gpu"}) ==
        "Run 'vfio-switch enable --device 0000:01:00.0 --allow-boot-gpu'.");
  CHECK(told({"virsh", "edit", "brunhilde"}) == "Run 'virsh edit ...'.");
  CHECK(told({"/home/brunhilde/load", "now"}) == "Run '... ...'.");
  CHECK(told({"mount", "/boot"}) == "Run 'mount /boot'.");
  CHECK(told({"mount", "/srv/brunhilde"}) == "Run 'mount ...'.");
  CHECK(told({"update-initramfs", "-u", "-k", "all"}) == "Run 'update-initramfs -u -k all'.");
  CHECK(told({"mkinitcpio", "-P"}) == "Run 'mkinitcpio -P'.");
  CHECK(told({"dracut", "--regenerate-all", "--force"}) ==
        "Run 'dracut --regenerate-all --force'.");
  CHECK(told({"grubby", "--update-kernel=ALL", "--args=intel_iommu=on"}) ==
        "Run 'grubby --update-kernel=ALL --args=intel_iommu=on'.");
  CHECK(told({"grubby", "--update-kernel=ALL", "--remove-args=user=brunhilde"}) ==
        "Run 'grubby --update-kernel=ALL --remove-args=...'.");
  CHECK(told({"rm", "/etc/modprobe.d/vfio.conf", "/home/brunhilde/x"}) ==
        "Run \"rm /etc/modprobe.d/vfio.conf '/home/(name)/...'\".");
}

TEST_CASE("a finding is told by the type of its facts", "[told]") {
  auto finding = make_finding(
      FindingCause::compositor_setting,
      {{"setting", Word{"KWIN_DRM_DEVICES"}},
       {"place", Place{"/home/brunhilde/.profile", 3}},
       {"device", *PciAddress::parse("0000:01:00.0")}},
      {Edit{{"/home/brunhilde/.profile", 3}, "KWIN_DRM_DEVICES=/dev/dri/card1 # geheim", {}},
       Manual{ByHand::other_tools_window,
              {{"programs", std::vector<Item>{Quotation{"geheim"}, Name{"geheim"}}}}}});
  finding.details = {{Quotation{"+geheim"}}, {Word{"group"}, Count{1}}};
  const auto safe = told_finding(finding);
  CHECK(test::plain(found_text(safe)) ==
        "KWIN_DRM_DEVICES in /home/(name)/.profile:3 names 0000:01:00.0.");
  CHECK(test::plain(remedy_text(safe.remedy)) ==
        "Remove '...' from /home/(name)/.profile:3. Configure ... and ... to use a GPU that stays "
        "with the host.");
  CHECK(detail_lines(safe) == std::vector<std::string>{"group 1"});
}

}  // namespace vfio_switch::test
