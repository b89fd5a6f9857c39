// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/dracut.h"

#include <optional>
#include <string>
#include <vector>

#include "core/machine/profile.h"
#include "system/images/image_facts.h"
#include "system/temporary_root.h"
#include "system/tools/initramfs_tools.h"
#include "system/tools/kernels.h"

namespace vfio_switch {

using test::TemporaryRoot;
using test::value_of;
using Words = std::vector<std::string>;

TEST_CASE("dracut is given a name of its own, beside the image") {
  const std::string image = "/boot/initramfs-6.17.7-300.fc43.x86_64.img";
  const TemporaryRoot root;
  const auto build = Dracut::build(*root.reader(), "6.17.7-300.fc43.x86_64", image);
  CHECK(build.command.program == "dracut");
  CHECK(build.written == "/boot/.initramfs-6.17.7-300.fc43.x86_64.img.vfio-new");
  CHECK(build.command.arguments == Words{"--force", build.written, "6.17.7-300.fc43.x86_64"});
  CHECK(build.replaces_by_rename(image));
}

TEST_CASE("A unified image is built by kernel-install, and written in place") {
  const std::string image = "/boot/efi/EFI/Linux/5f0c-6.17.7.efi";
  const TemporaryRoot root;
  const auto build = Dracut::build(*root.reader(), "6.17.7", image);
  CHECK(build.command.program == "kernel-install");
  CHECK(build.command.arguments == Words{"add", "6.17.7", "/usr/lib/modules/6.17.7/vmlinuz"});
  CHECK(build.written == image);
  CHECK_FALSE(build.replaces_by_rename(image));
}

TEST_CASE("Images of boot entries that a tool writes are built by that tool") {
  const std::string entry = "/boot/efi/opensuse-tumbleweed/6.17.7-1-default/";
  const std::string image = entry + "initrd-" + std::string(40, 'a');
  const TemporaryRoot root;
  CHECK(Dracut::build(*root.reader(), "6.17.7-1-default", image).command.program == "dracut");
  root.write("/usr/bin/sdbootutil", "");
  const auto build = Dracut::build(*root.reader(), "6.17.7-1-default", image);
  CHECK(build.command.program == "sdbootutil");
  CHECK(build.command.arguments == Words{"--no-reuse-initrd", "add-kernel", "6.17.7-1-default"});
  CHECK_FALSE(build.replaces_by_rename(image));
  // That of another boot loader on the same system.
  const auto other = Dracut::build(*root.reader(), "6.17.7", "/boot/initrd-6.17.7-1-default");
  CHECK(other.command.program == "dracut");
  root.write("/usr/bin/limine-dracut", "");
  CHECK(Dracut::build(*root.reader(), "6.17.7", "/boot/0123/linux/initramfs").command.program ==
        "limine-dracut");
}

TEST_CASE("Which tool is in use, where a distribution has two") {
  struct Row {
    Words programs;
    std::optional<InitramfsGenerator> found;
  };
  const Row rows[] = {
      {{}, std::nullopt},
      {{"/usr/sbin/update-initramfs"}, InitramfsGenerator::update_initramfs},
      {{"/usr/bin/dracut"}, InitramfsGenerator::dracut},
      {{"/usr/sbin/update-initramfs", "/usr/sbin/mkinitramfs", "/usr/bin/dracut"},
       InitramfsGenerator::update_initramfs},
      // Debian's newer package of dracut brings a program of that name.
      {{"/usr/sbin/update-initramfs", "/usr/bin/dracut"}, InitramfsGenerator::dracut},
  };
  Profile profile;
  profile.initramfs = {InitramfsGenerator::update_initramfs, InitramfsGenerator::dracut};
  for (const auto& row : rows) {
    const TemporaryRoot root;
    for (const auto& program : row.programs) root.write(program, "");
    CHECK((find_generator(profile, *root.reader()) == row.found));
  }
}

TEST_CASE("What dracut's images load, and when") {
  const TemporaryRoot image;
  image.write("/etc/cmdline.d/20-vfio-switch.conf", "rd.driver.pre=vfio_pci\n");
  image.write("/etc/cmdline.d/20-force_drivers.conf",
              "rd.driver.pre=bochs,ext4 rd.driver.pre=a-b\n");
  image.write("/etc/modules-load.d/vfio.conf", "vfio-pci\n");
  image.write("/usr/lib/systemd/system/initrd.target", "");
  SECTION("first rd.driver.pre, in order; then udev, and modules-load.d beside it") {
    const auto facts = value_of(read_image_facts(*image.reader()));
    REQUIRE(facts.steps.size() == 2);
    Words first;
    for (const auto& module : facts.steps[0].listed) first.push_back(module.module);
    CHECK(first == Words{"bochs", "ext4", "a_b", "vfio_pci"});
    CHECK_FALSE(facts.steps[0].coldplug);
    REQUIRE(facts.steps[1].listed.size() == 1);
    CHECK(facts.steps[1].listed[0].where == Place{"/etc/modules-load.d/vfio.conf", 1});
    CHECK(facts.steps[1].coldplug);
  }
  SECTION("our hook before all, where the script and its list are there") {
    image.write("/usr/lib/vfio-switch/bind", "");
    image.write("/etc/vfio-switch/override", "0000:01:00.0 1002:5159:1af4:1100\n");
    CHECK(value_of(read_image_facts(*image.reader())).steps[0].listed[0].module == "bochs");
    for (const std::string hooks : {"/lib/dracut/hooks", "/var/lib/dracut/hooks"}) {
      const TemporaryRoot other;
      other.write("/usr/lib/vfio-switch/bind", "");
      other.write("/etc/vfio-switch/override", "0000:01:00.0 1002:5159:1af4:1100\n");
      other.write(hooks + "/pre-udev/00-vfio-switch-bind.sh", "");
      other.write("/etc/cmdline.d/20-force_drivers.conf", "rd.driver.pre=bochs\n");
      const auto facts = value_of(read_image_facts(*other.reader()));
      REQUIRE(facts.steps[0].listed.size() == 2);
      CHECK(facts.steps[0].listed[0].module == "vfio_pci");
    }
  }
}

}  // namespace vfio_switch
