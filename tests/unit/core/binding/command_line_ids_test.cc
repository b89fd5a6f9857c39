// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/command_line_ids.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/boot/grub_settings.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at_all;
using test::desktop;
using test::network;
using test::text_of;

namespace {

// The card has 10de:1d01 and 10de:0fb8.
const std::vector<PciAddress> functions = at_all({"01:00.0", "01:00.1"});
const std::string both = "10de:0fb8,10de:1d01";

/// The desktop with two network cards and a bridge, and GRUB, whose settings have `parameters`.
SystemFacts machine(const std::string& parameters = "quiet") {
  auto facts = desktop()
                   .with(network("05:00.0", "14e4:43a0"))
                   .with(network("06:00.0", "8086:15b8"))
                   .with(test::bridge("07:00.0", "1002:1478"))
                   .facts();
  const std::string line = "GRUB_CMDLINE_LINUX=\"" + parameters + "\"\n";
  facts.boot_loader = Grub{{{ParameterSyntax::grub_settings, std::string(grub_settings_path),
                             RegularFile{line, 0644, 0, 0}}},
                           false,
                           {"update-grub"},
                           "/boot/grub/grub.cfg",
                           "linux /vmlinuz " + parameters + "\n"};
  return facts;
}

std::string replaced(const std::string& before, const std::string& after) {
  const auto line = [](const std::string& value) {
    return "  GRUB_CMDLINE_LINUX=\"" + value + "\"\n";
  };
  return "In /etc/default/grub:1, replace\n" + line(before) + "with\n" + line(after) +
         "Run:\n  update-grub\n";
}

ModprobeDirective options(const std::string& arguments, const std::string& file) {
  return parse_modprobe(ModprobeFile{file, "options vfio-pci " + arguments + "\n"}).front();
}

}  // namespace

TEST_CASE("The last word with ids counts, as it is spelled") {
  CHECK(next_ids_word(machine()) == std::nullopt);
  CHECK(next_ids_word(machine("vfio-pci.ids=1:2 vfio_pci.ids=3:4 ro")) == "vfio_pci.ids=3:4");
  CHECK(next_ids_word(machine("vfio-pci.ids=")) == "vfio-pci.ids=");
  auto facts = machine("vfio-pci.ids=1:2");
  BootEntry entry;
  entry.command_line = "ro";
  facts.boot_menu.entries = {entry};
  facts.boot_menu.default_entry = 0;
  CHECK(next_ids_word(facts) == std::nullopt);
}

TEST_CASE("Other devices with the ids are found, but for bridges, which vfio-pci does not bind") {
  const auto facts = machine();
  const auto ids = VfioIds::parse("1002:1478,14e4:43a0,10de:1d01");
  CHECK(others_given(facts, functions, ids) == at_all({"05:00.0"}));
  CHECK(others_given(facts, functions, VfioIds()).empty());
}

TEST_CASE("Ids are added where they are lacking, and nothing is taken from the set") {
  const auto facts = machine();
  CHECK(with_ids_of(facts, VfioIds::parse("14e4:43a0,10de:1d01"), functions).str() ==
        "10de:0fb8,10de:1d01,14e4:43a0");
  // One that matches the card by more than vendor and device is enough.
  const auto narrow = VfioIds::parse("10de:0fb8,10de:1d01:ffffffff:ffffffff:030000:ffffff");
  CHECK(with_ids_of(facts, narrow, functions) == narrow);
  CHECK(without_ids_of(facts, VfioIds::parse("14e4:43a0,10de:1d01,10de:ffff"), functions) ==
        VfioIds::parse("14e4:43a0,10de:ffff"));
}

TEST_CASE("A word that lacks the card's ids is replaced by one that has them all") {
  const auto facts = machine("quiet vfio_pci.ids=14e4:43a0");
  CHECK(
      text_of(complete_word(facts, functions, "vfio_pci.ids=14e4:43a0")) ==
      replaced("quiet vfio_pci.ids=14e4:43a0", "quiet vfio_pci.ids=10de:0fb8,10de:1d01,14e4:43a0"));
}

TEST_CASE("A word that stands in the way goes where it gives nothing else") {
  const auto facts = machine("quiet vfio-pci.ids=10de:1d01");
  for (const auto binding : {Binding::ids, Binding::address}) {
    CHECK(text_of(resolve_word(facts, functions, binding, "vfio-pci.ids=10de:1d01")) ==
          replaced("quiet vfio-pci.ids=10de:1d01", "quiet"));
  }
}

TEST_CASE("A word with other devices' ids is completed, or goes with the devices that lose by it") {
  const std::string word = "vfio-pci.ids=14e4:43a0,8086:15b8";
  const auto facts = machine(word);
  CHECK(text_of(resolve_word(facts, functions, Binding::ids, word)) ==
        replaced(word, "vfio-pci.ids=10de:0fb8,10de:1d01,14e4:43a0,8086:15b8") + "Or:\n" +
            replaced(word, "") + "Mind that 0000:05:00.0 and 0000:06:00.0 then lose vfio-pci.\n");
  // By address a file may have them.
  CHECK(text_of(resolve_word(facts, functions, Binding::address, word)) ==
        "Add this line to /etc/modprobe.d/vfio-other-devices.conf:\n"
        "  options vfio-pci ids=14e4:43a0,8086:15b8\n" +
            replaced(word, ""));
}

TEST_CASE("A line with other devices' ids is completed and read last, or goes with their loss") {
  const auto facts = machine();
  const auto gone = [](const std::string& line) {
    return "Remove this from /etc/modprobe.d/vfio-pci.conf:1:\n  " + line + "\n";
  };
  const std::string file = "/etc/modprobe.d/vfio-pci.conf";
  const auto resolved = [&](const std::string& arguments, const std::string& path) {
    return text_of(resolve_line(facts, functions, Binding::ids, options(arguments, path)));
  };
  const std::string all = "ids=" + both + ",14e4:43a0 disable_vga=1";
  CHECK(resolved(all, file) ==
        "Run:\n  mv /etc/modprobe.d/vfio-pci.conf /etc/modprobe.d/zz-vfio-pci.conf\nOr:\n" +
            gone("options vfio-pci " + all) + "Mind that 0000:05:00.0 then loses vfio-pci.\n");
  CHECK(resolved("ids=14e4:43a0", "/etc/modprobe.d/zz.conf") ==
        "In /etc/modprobe.d/zz.conf:1, replace\n  options vfio-pci ids=14e4:43a0\nwith\n"
        "  options vfio-pci ids=10de:0fb8,10de:1d01,14e4:43a0\nOr:\n"
        "Remove this from /etc/modprobe.d/zz.conf:1:\n  options vfio-pci ids=14e4:43a0\n"
        "Mind that 0000:05:00.0 then loses vfio-pci.\n");
  CHECK(resolved("ids=10de:1d01", file) == gone("options vfio-pci ids=10de:1d01"));
  CHECK(text_of(resolve_line(facts, functions, Binding::address,
                             options("ids=10de:1d01,14e4:43a0", file))) ==
        "In /etc/modprobe.d/vfio-pci.conf:1, replace\n"
        "  options vfio-pci ids=10de:1d01,14e4:43a0\nwith\n  options vfio-pci ids=14e4:43a0\n");
}

TEST_CASE("A card that is given back takes its own ids out of a set, and no others") {
  const std::string word = "vfio-pci.ids=10de:0fb8,10de:1d01,14e4:43a0";
  CHECK(text_of(release_by_word(machine(word), functions, word)) ==
        replaced(word, "vfio-pci.ids=14e4:43a0"));
  const std::string own = "vfio-pci.ids=10de:0fb8,10de:1d01,1b73:1100";  // of no device here
  CHECK(text_of(release_by_word(machine("ro " + own), functions, own)) ==
        replaced("ro " + own, "ro"));
  auto twins = machine(word);
  twins.devices.push_back(test::audio("09:00.1", "10de:0fb8").device());
  CHECK(text_of(release_by_word(twins, functions, word)) ==
        replaced(word, "vfio-pci.ids=14e4:43a0") + "Mind that 0000:09:00.1 then loses vfio-pci.\n");
  CHECK(text_of(release_by_line(machine(), functions,
                                options("ids=14e4:43a0,10de:1d01", "/etc/modprobe.d/a.conf"))) ==
        "In /etc/modprobe.d/a.conf:1, replace\n  options vfio-pci ids=14e4:43a0,10de:1d01\nwith\n"
        "  options vfio-pci ids=14e4:43a0\n");
}

}  // namespace vfio_switch
