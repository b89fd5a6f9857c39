// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/this_boot.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

namespace {

BootEntry entry(const std::string& id, const std::string& kernel, const std::string& line,
                const std::string& initrd = "/initrd") {
  BootEntry one;
  one.id = id;
  one.kernel = BootFile{{}, kernel};
  one.initrds = {{{}, initrd}};
  one.command_line = line;
  return one;
}

}  // namespace

TEST_CASE("The running kernel's command line says what started it") {
  CHECK(read_this_boot("BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=1 ro  quiet\n") ==
        ThisBoot{"/boot/vmlinuz-6.1", {}, "root=UUID=1 ro quiet"});
  CHECK(read_this_boot("BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.14 root=UUID=1") ==
        ThisBoot{"/vmlinuz-6.14", {}, "root=UUID=1"});
  CHECK(read_this_boot("initrd=\\amd-ucode.img initrd=\\initramfs.img root=/dev/sda2") ==
        ThisBoot{std::nullopt, {"/amd-ucode.img", "/initramfs.img"}, "root=/dev/sda2"});
  CHECK(read_this_boot("") == ThisBoot{});
  CHECK(read_this_boot("BOOT_IMAGE=(") == ThisBoot{"(", {}, ""});
}

TEST_CASE("The entry of this boot is the only one that fits") {
  BootMenu menu;
  menu.loader = LoaderKind::grub;
  menu.entries = {entry("simple", "/vmlinuz-2", "root=UUID=1 ro quiet"),
                  entry("advanced>2", "/vmlinuz-2", "root=UUID=1 ro quiet"),
                  entry("advanced>2r", "/vmlinuz-2", "root=UUID=1 ro single"),
                  entry("advanced>1", "/vmlinuz-1", "root=UUID=1 ro quiet")};
  menu.entries[0].possible_words = {"vt.handoff=7"};
  const EfiVariables none;
  const auto of = [&](const std::string& line) -> std::string {
    const auto found = entry_of_this_boot(menu, read_this_boot(line), none, "6.1");
    return found ? menu.entries[*found].id : "none";
  };
  CHECK(of("BOOT_IMAGE=/vmlinuz-2 root=UUID=1 ro quiet") == "simple");
  CHECK(of("BOOT_IMAGE=/vmlinuz-2 root=UUID=1 ro single") == "advanced>2r");
  CHECK(of("BOOT_IMAGE=/vmlinuz-1 root=UUID=1 ro quiet") == "advanced>1");
  CHECK(of("BOOT_IMAGE=/vmlinuz-2 root=UUID=1 ro quiet vt.handoff=7") == "simple");
  // Edited at the menu, or the entry has changed since.
  CHECK(of("BOOT_IMAGE=/vmlinuz-2 root=UUID=1 ro debug") == "none");
  menu.entries[1].initrds[0].path = "/other";
  CHECK(of("BOOT_IMAGE=/vmlinuz-2 root=UUID=1 ro quiet") == "none");
  menu.entries[1].release = "5.10";
  CHECK(of("BOOT_IMAGE=/vmlinuz-2 root=UUID=1 ro quiet") == "simple");
}

TEST_CASE("A loader or a stub that names the entry is believed") {
  BootMenu menu;
  menu.loader = LoaderKind::systemd_boot;
  menu.entries = {entry("arch.conf", "/vmlinuz", "a"), entry("zen.conf", "/vmlinuz", "a")};
  menu.entries[1].source.file = "/boot/loader/entries/zen+2-1.conf";
  EfiVariables variables;
  const auto of = [&] { return entry_of_this_boot(menu, read_this_boot("x"), variables, "6.1"); };
  variables.entry_selected = "Arch.conf";
  CHECK(of() == 0U);
  variables.entry_selected = "zen+2-1.conf";
  CHECK(of() == 1U);
  variables.entry_selected = "gone.conf";
  CHECK_FALSE(of());
  variables.entry_selected.reset();
  menu.entries[1].kernel.reset();
  menu.entries[1].unified_image = BootFile{{}, "/EFI/Linux/zen.efi"};
  variables.stub_image = "/EFI/LINUX/zen.efi";
  CHECK(of() == 1U);
}

}  // namespace vfio_switch
