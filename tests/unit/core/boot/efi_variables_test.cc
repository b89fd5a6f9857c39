// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/efi_variables.h"

#include <string>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "core/boot/pe_builder.h"
#include "rounds.h"

namespace vfio_switch {

using test::for_mutations;
using test::le;
using test::rounds;
using test::utf16;

namespace {

const std::string loader = "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const std::string firmware = "-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const std::string attributes = le(7, 4);

/// GPT partition 11223344-5566-7788-99aa-bbccddeeff00 of a hard drive, then a file.
std::string device_path(const std::string& file) {
  const std::string guid("\x44\x33\x22\x11\x66\x55\x88\x77\x99\xaa\xbb\xcc\xdd\xee\xff\x00", 16);
  const auto name = utf16(file) + le(0, 2);
  return le(4, 1) + le(1, 1) + le(42, 2) + le(1, 4) + le(2048, 8) + le(1048576, 8) + guid +
         le(2, 1) + le(2, 1) + le(4, 1) + le(4, 1) + le(4 + name.size(), 2) + name + le(0x7f, 1) +
         le(0xff, 1) + le(4, 2);
}

std::string load_option(const std::string& title, const std::string& file,
                        const std::string& options) {
  const auto path = device_path(file);
  return attributes + le(1, 4) + le(path.size(), 2) + utf16(title) + le(0, 2) + path +
         utf16(options);
}

}  // namespace

TEST_CASE("The loader's variables are read") {
  EfiVariables variables;
  const auto add = [&](const std::string& name, const std::string& value) {
    CHECK(is_boot_variable(name + loader));
    add_efi_variable(variables, name + loader, attributes + value);
  };
  add("LoaderInfo", utf16("systemd-boot 257.7-1-arch") + le(0, 2));
  add("LoaderEntryOneShot", utf16("arch.conf"));
  add("LoaderEntryDefault", utf16("@saved") + le(0, 2));
  add("LoaderEntrySelected", utf16("Menü.conf"));
  add("LoaderEntries", utf16("a.conf") + le(0, 2) + utf16("auto-windows") + le(0, 2));
  add("StubImageIdentifier", utf16("\\EFI\\Linux\\arch.efi") + le(0, 2));
  CHECK(variables.loader_info == "systemd-boot 257.7-1-arch");
  CHECK(variables.entry_once == "arch.conf");
  CHECK(variables.entry_default == "@saved");
  CHECK(variables.entries == std::vector<std::string>{"a.conf", "auto-windows"});
  CHECK(variables.stub_image == "/EFI/Linux/arch.efi");
  CHECK_FALSE(is_boot_variable("LoaderTimeInitUSec" + loader));
  CHECK_FALSE(is_boot_variable("LoaderInfo" + firmware));
  CHECK_FALSE(is_boot_variable("db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"));
}

TEST_CASE("Boot options of the firmware are read") {
  EfiVariables variables;
  add_efi_variable(variables, "BootOrder" + firmware, attributes + le(3, 2) + le(0xa, 2));
  add_efi_variable(variables, "BootNext" + firmware, attributes + le(0xa, 2));
  add_efi_variable(variables, "SecureBoot" + firmware, attributes + le(1, 1));
  add_efi_variable(variables, "Boot0003" + firmware,
                   load_option("Arch Linux", "\\vmlinuz-linux",
                               "root=/dev/sda2 rw initrd=\\initramfs-linux.img"));
  add_efi_variable(variables, "Boot000A" + firmware,
                   load_option("UKI", "\\EFI\\Linux\\arch.efi", ""));
  CHECK(variables.boot_order == std::vector<unsigned>{3, 10});
  CHECK(variables.boot_next == 10U);
  CHECK(variables.secure_boot == true);
  const std::vector<LoadOption> expected = {
      {3, true, "Arch Linux", "11223344-5566-7788-99aa-bbccddeeff00", "/vmlinuz-linux",
       "root=/dev/sda2 rw initrd=\\initramfs-linux.img"},
      {10, true, "UKI", "11223344-5566-7788-99aa-bbccddeeff00", "/EFI/Linux/arch.efi", ""},
  };
  CHECK(variables.load_options == expected);
}

TEST_CASE("Limine and rEFInd keep what was booted last") {
  EfiVariables variables;
  add_efi_variable(variables, "LimineLastBootedEntry-513ee0d0-6e43-cb05-b272-f146a2fcb88a",
                   attributes + "CachyOS/linux-cachyos" + '\0');
  add_efi_variable(variables, "PreviousBoot-36d08fa7-cf0b-42f5-8f14-68df73ed3740",
                   attributes + utf16("Boot vmlinuz-linux from root"));
  CHECK(variables.limine_last == "CachyOS/linux-cachyos");
  CHECK(variables.refind_last == "Boot vmlinuz-linux from root");
}

TEST_CASE("systemd keeps where it wrote a hibernated system") {
  const std::string name = "HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67";
  CHECK(is_boot_variable(name));
  CHECK_FALSE(is_boot_variable("HibernateLocation" + loader));
  EfiVariables variables;
  CHECK_FALSE(variables.hibernated);
  add_efi_variable(variables, name, attributes + utf16("{\"uuid\":\"1111\"}") + le(0, 2));
  CHECK(variables.hibernated);
}

TEST_CASE("Text of the firmware becomes UTF-8") {
  CHECK(utf8_of_efi(utf16("a") + std::string("\xfc\x00", 2)) == "a\xc3\xbc");
  CHECK(utf8_of_efi(std::string("\x3d\xd8\x00\xde", 4)) == "\xf0\x9f\x98\x80");
  CHECK(utf8_of_efi(std::string("\x3d\xd8", 2)) == "?");
  CHECK(utf8_of_efi("a") == "");
  CHECK(utf8_of_efi(utf16("ab") + le(0, 2) + utf16("c")) == "ab");
}

TEST_CASE("No mutation of a variable breaks its reader") {
  const std::pair<std::string, std::string> variables[] = {
      {"Boot0001" + firmware, load_option("Arch", "\\vmlinuz", "root=/dev/sda2")},
      {"LoaderEntries" + loader, attributes + utf16("a") + le(0, 2) + utf16("b") + le(0, 2)},
      {"LoaderInfo" + loader, attributes + utf16("GRUB 2.12") + le(0, 2)},
      {"BootOrder" + firmware, attributes + le(1, 2) + le(2, 2)},
  };
  for (const auto& [name, content] : variables) {
    for_mutations(content, rounds(20'000), [&, variable = name](const std::string& mutant) {
      EfiVariables read;
      add_efi_variable(read, variable, mutant);
      REQUIRE(read.load_options.size() <= 1);
    });
  }
}

}  // namespace vfio_switch
