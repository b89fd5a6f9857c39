// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/firmware_menu.h"

#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "rounds.h"

namespace vfio_switch {

using test::menu_text;
using test::rounds;

namespace {

constexpr unsigned char active = 1;

struct Option {
  unsigned number;
  unsigned char flags;
  std::string title;
  std::string partition;
  std::string file;
  std::string options;
};

/// A firmware as `efibootmgr -v` would show it, and what is on its ESP.
struct Firmware {
  std::string name;
  std::vector<Option> options;
  std::vector<unsigned> order;
  std::optional<unsigned> next = {};
  std::vector<std::string> files = {};
  std::string expected = {};
};

const std::string esp = "11223344-5566-7788-99aa-bbccddeeff00";

EfiVariables variables_of(const Firmware& firmware) {
  EfiVariables variables;
  variables.is_efi = true;
  for (const auto& option : firmware.options) {
    LoadOption one{option.number};
    one.is_active = (option.flags & active) != 0;
    one.description = option.title;
    if (!option.partition.empty()) one.partition_uuid = option.partition;
    one.file = option.file;
    one.options = option.options;
    variables.load_options.push_back(std::move(one));
  }
  variables.boot_order = firmware.order;
  variables.boot_next = firmware.next;
  return variables;
}

BootSources sources_of(const std::vector<std::string>& files) {
  BootSources sources;
  sources.kind = [files](const BootFile& file) {
    const bool there = std::ranges::find(files, file.path) != files.end();
    return there ? SourceKind::file : SourceKind::absent;
  };
  return sources;
}

const Firmware machines[] = {
    {"Arch's kernel, as its wiki has it",
     {{1, active, "Arch Linux", esp, "/vmlinuz-linux",
       "root=UUID=7777 rw initrd=\\intel-ucode.img initrd=\\initramfs-linux.img"},
      {2, active, "Arch Linux Fallback", esp, "/vmlinuz-linux",
       "root=UUID=7777 rw initrd=\\initramfs-linux-fallback.img"},
      {0x1a, active, "UEFI: Built-in EFI Shell", "", "", ""}},
     {1, 2, 0x1a},
     {},
     {"/vmlinuz-linux", "/initramfs-linux.img"},
     "loader the kernel's EFI stub\n"
     "default Boot0001\n"
     "once none\n"
     "menu unknown waits unknown\n"
     "entry Boot0001\n"
     "  title Arch Linux\n"
     "  kind usual default\n"
     "  source \n"
     "  kernel partition " +
         esp +
         " /vmlinuz-linux\n"
         "  initrd partition " +
         esp +
         " /intel-ucode.img\n"
         "  initrd partition " +
         esp +
         " /initramfs-linux.img\n"
         "  options root=UUID=7777 rw\n"
         "entry Boot0002\n"
         "  title Arch Linux Fallback\n"
         "  kind fallback\n"
         "  source \n"
         "  kernel partition " +
         esp +
         " /vmlinuz-linux\n"
         "  initrd partition " +
         esp +
         " /initramfs-linux-fallback.img\n"
         "  options root=UUID=7777 rw\n"
         "entry Boot001A\n"
         "  title UEFI: Built-in EFI Shell\n"
         "  kind foreign\n"
         "  source \n"},
    {"A unified image; an option that is off and one whose file is gone come first",
     {{0, 0, "Windows Boot Manager", esp, "/EFI/Microsoft/Boot/bootmgfw.efi", ""},
      {3, active, "old", esp, "/EFI/Linux/arch-linux-old.efi", ""},
      {4, active, "Arch Linux", esp, "/EFI/Linux/arch-linux.efi", ""}},
     {0, 3, 4},
     {},
     {"/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/Linux/arch-linux.efi"},
     "loader the kernel's EFI stub\n"
     "default Boot0004\n"
     "once none\n"
     "menu unknown waits unknown\n"
     "entry Boot0000\n"
     "  title Windows Boot Manager\n"
     "  kind foreign\n"
     "  source \n"
     "entry Boot0003\n"
     "  title old\n"
     "  kind usual\n"
     "  source \n"
     "  image partition " +
         esp +
         " /EFI/Linux/arch-linux-old.efi\n"
         "entry Boot0004\n"
         "  title Arch Linux\n"
         "  kind usual default\n"
         "  source \n"
         "  image partition " +
         esp + " /EFI/Linux/arch-linux.efi\n"},
    {"One boot of a kernel that the order does not have",
     {{5, active, "Debian", esp, "/EFI/debian/vmlinuz",
       "root=/dev/sda2 ro initrd=/EFI/debian/initrd.img"},
      {9, active, "try", esp, "/EFI/debian/vmlinuz.new",
       "root=/dev/sda2 ro vfio-pci.ids= initrd=/EFI/debian/initrd.img"}},
     {5},
     9,
     {"/EFI/debian/vmlinuz", "/EFI/debian/vmlinuz.new"},
     "loader the kernel's EFI stub\n"
     "default Boot0005\n"
     "once Boot0009\n"
     "menu unknown waits unknown\n"
     "entry Boot0005\n"
     "  title Debian\n"
     "  kind usual default\n"
     "  source \n"
     "  kernel partition " +
         esp +
         " /EFI/debian/vmlinuz\n"
         "  initrd partition " +
         esp +
         " /EFI/debian/initrd.img\n"
         "  options root=/dev/sda2 ro\n"
         "entry Boot0009\n"
         "  title try\n"
         "  kind usual once\n"
         "  source \n"
         "  kernel partition " +
         esp +
         " /EFI/debian/vmlinuz.new\n"
         "  initrd partition " +
         esp +
         " /EFI/debian/initrd.img\n"
         "  options root=/dev/sda2 ro vfio-pci.ids=\n"},
};

}  // namespace

TEST_CASE("The firmware's options are read as it starts them") {
  for (const auto& machine : machines) {
    INFO(machine.name);
    CHECK(menu_text(read_firmware_menu(variables_of(machine), sources_of(machine.files))) ==
          machine.expected);
  }
}

TEST_CASE("No order of any options breaks the firmware's reader") {
  std::mt19937 random(1);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (const auto& machine : machines) {
    for (std::size_t round = 0; round < rounds(20'000) / std::size(machines); ++round) {
      auto changed = machine;
      for (auto& option : changed.options) {
        if (below(4) == 0) option.flags ^= active;
        if (below(4) == 0) option.number = static_cast<unsigned>(below(12));
        for (auto* text : {&option.file, &option.options, &option.partition}) {
          if (!text->empty() && below(4) == 0) text->erase(below(text->size()), below(8));
          if (!text->empty() && below(4) == 0)
            (*text)[below(text->size())] = static_cast<char>(below(256));
        }
      }
      if (below(3) == 0) changed.order.push_back(static_cast<unsigned>(below(12)));
      if (below(3) == 0) changed.next = static_cast<unsigned>(below(12));
      const auto menu = read_firmware_menu(variables_of(changed), sources_of(changed.files));
      if (menu.default_entry) REQUIRE(*menu.default_entry < menu.entries.size());
      if (!menu.default_entry) REQUIRE(menu.why_no_default);
      if (changed.next) REQUIRE((menu.once_entry || menu.why_no_once));
    }
  }
}

}  // namespace vfio_switch
