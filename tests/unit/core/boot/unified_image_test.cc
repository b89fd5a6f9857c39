// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/unified_image.h"

#include <string>

#include "catch.h"
#include "core/boot/menu_cases.h"
#include "core/boot/pe_builder.h"
#include "rounds.h"

namespace vfio_switch {

using test::for_mutations;
using test::pe_file;
using test::rounds;

namespace {

const std::string arch =
    "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\n"
    "BUILD_ID=rolling\nVERSION_ID=6.17.8-arch1-1\n";

std::string content(const std::string& file, const std::optional<PeSection>& section) {
  return section ? file.substr(section->offset, section->size) : "none";
}

}  // namespace

TEST_CASE("A unified image of mkinitcpio is read") {
  const auto file = pe_file({{".text", "stub"},
                             {".osrel", arch},
                             {".uname", "6.17.8-arch1-1"},
                             {".cmdline", "root=UUID=1 rw quiet\n"},
                             {".ucode", "microcode"},
                             {".initrd", "initrd"},
                             {".linux", "kernel"}});
  const auto profiles = read_unified_image(bytes_of(file));
  REQUIRE(profiles);
  REQUIRE(profiles->size() == 1);
  const auto& only = profiles->front();
  CHECK(only.number == 0);
  CHECK(only.command_line == "root=UUID=1 rw quiet");
  CHECK(only.release == "6.17.8-arch1-1");
  CHECK(content(file, only.kernel) == "kernel");
  CHECK(content(file, only.initrd) == "initrd");
  CHECK(content(file, only.microcode) == "microcode");
  REQUIRE(only.os_release);
  CHECK(name_of_unified(*only.os_release) == UnifiedName{"Arch Linux", "6.17.8-arch1-1", "arch"});
}

TEST_CASE("Profiles of a unified image take from the base what they have none of") {
  const auto file = pe_file({{".osrel", "ID=x\n"},
                             {".linux", "kernel"},
                             {".initrd", "base"},
                             {".cmdline", "base"},
                             {".profile", "ID=main\nTITLE=\"Boot\"\n"},
                             {".profile", "ID=rescue\n"},
                             {".cmdline", "single"},
                             {".initrd", "other"}});
  const auto profiles = read_unified_image(bytes_of(file));
  REQUIRE(profiles);
  REQUIRE(profiles->size() == 2);
  CHECK((*profiles)[0].id == "main");
  CHECK((*profiles)[0].title == "Boot");
  CHECK((*profiles)[0].command_line == "base");
  CHECK((*profiles)[1].number == 1);
  CHECK((*profiles)[1].id == "rescue");
  CHECK((*profiles)[1].command_line == "single");
  CHECK(content(file, (*profiles)[1].initrd) == "other");
  CHECK(content(file, (*profiles)[1].kernel) == "kernel");
}

TEST_CASE("What is no unified image is none") {
  CHECK_FALSE(read_unified_image(bytes_of("")));
  CHECK_FALSE(read_unified_image(bytes_of("MZ")));
  CHECK_FALSE(read_unified_image(bytes_of(pe_file({{".text", "grub"}}))));
  auto file = pe_file({{".linux", "kernel"}, {".initrd", std::string(3000, 'x')}});
  CHECK(read_unified_image(bytes_of(file)));
  // Cut off: a section lies outside.
  file.resize(file.size() - 2000);
  CHECK_FALSE(read_unified_image(bytes_of(file)));
  // No end of sections.
  auto many = pe_file({{".linux", "kernel"}});
  many[0x80 + 6] = '\x70';
  CHECK_FALSE(read_unified_image(bytes_of(many)));
}

TEST_CASE("Add-ons are told from images") {
  const auto addon = read_unified_addon(bytes_of(
      pe_file({{".sbat", "sbat"}, {".cmdline", " vfio-pci.ids=1002:73df \n"}, {".uname", "6.1"}})));
  REQUIRE(addon);
  CHECK(addon->command_line == "vfio-pci.ids=1002:73df");
  CHECK(addon->release == "6.1");
  CHECK_FALSE(addon->has_initrd);
  CHECK_FALSE(read_unified_addon(bytes_of(pe_file({{".linux", "kernel"}}))));
  CHECK_FALSE(read_unified_addon(bytes_of("text")));
}

TEST_CASE("A command line in a section is one line") {
  CHECK(stub_command_line("root=/dev/sda\nquiet\n") == "root=/dev/sda quiet");
  CHECK(stub_command_line("  a\tb \0c") == "a b");
  CHECK(stub_command_line("") == "");
  CHECK(stub_command_line("\n\n") == "");
}

TEST_CASE("No mutation of a unified image breaks its reader") {
  const std::string files[] = {
      pe_file({{".osrel", arch}, {".uname", "6.1"}, {".cmdline", "a b"}, {".linux", "kernel"}}),
      pe_file({{".linux", "k"}, {".profile", "ID=a\n"}, {".profile", "ID=b\n"}, {".cmdline", "c"}}),
      pe_file({{".cmdline", "vfio-pci.ids=1"}, {".uname", "6"}}),
  };
  for (const auto& file : files) {
    // The headers, where a change does something.
    for_mutations(file.substr(0, 700), rounds(20'000), [&](const std::string& head) {
      const auto whole = head + file.substr(700);
      const auto profiles = read_unified_image(bytes_of(whole));
      if (profiles) {
        REQUIRE_FALSE(profiles->empty());
        for (const auto& profile : *profiles) {
          if (profile.kernel)
            REQUIRE(profile.kernel->offset + profile.kernel->size <= whole.size());
        }
      }
      (void)read_unified_addon(bytes_of(whole));
    });
  }
}

}  // namespace vfio_switch
