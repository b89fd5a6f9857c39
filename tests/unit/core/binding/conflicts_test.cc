// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/conflicts.h"
#include "core/binding/binding.h"

#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::at_all;
using test::codes;
using test::desktop;
using test::FactsBuilder;
using test::has_text;
using test::text_of;

namespace {

using Codes = std::vector<RefusalCode>;

const std::vector<PciAddress> functions = at_all({"01:00.0", "01:00.1"});

std::vector<Refusal> conflicts(const SystemFacts& facts, const std::string& others = {},
                               Binding binding = Binding::ids,
                               const std::string& file = "/etc/modprobe.d/x.conf") {
  std::optional<Reason> by_address;
  if (binding == Binding::address) by_address = ReasonCause::bound_by_address;
  return find_conflicts(facts, parse_modprobe(ModprobeFile{file, others}), functions, by_address);
}

}  // namespace

TEST_CASE("An ordinary desktop has no conflicts") {
  CHECK(codes(conflicts(desktop().facts())).empty());
}

TEST_CASE("A kernel without a usable vfio-pci is told from a machine without one") {
  struct Row {
    std::string what;
    std::vector<ModuleForm> kernels;
    Codes refused;
  };
  const Row rows[] = {
      {"no kernel at all", {}, {RefusalCode::no_vfio_module}},
      {"one without it", {ModuleForm::missing}, {RefusalCode::no_vfio_module}},
      {"all without it", {ModuleForm::missing, ModuleForm::missing}, {RefusalCode::no_vfio_module}},
      {"one with, one without", {ModuleForm::loadable, ModuleForm::missing}, {}},
      {"one with it built in, which a kernel parameter reaches", {ModuleForm::built_in}, {}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    auto builder = desktop().no_kernels();
    int number = 0;
    for (const auto form : row.kernels) builder.kernel("6.1." + std::to_string(number++), form);
    CHECK(codes(conflicts(builder.facts())) == row.refused);
  }
}

TEST_CASE("A kernel with vfio-pci built in, which nothing reaches by address, is named") {
  const auto facts = desktop().kernel("6.99-custom", ModuleForm::built_in).facts();
  const auto refusals = conflicts(facts, {}, Binding::address);
  REQUIRE(codes(refusals) == Codes{RefusalCode::boot_parameter});
  CHECK(text_of(refusals[0]) ==
        "vfio-pci is built into kernel 6.99-custom, where it cannot bind by address, which "
        "this card needs: the card is bound by address");
  CHECK(text_of(refusals[0].remedy) == "Use a kernel that has vfio-pci as a module.\n");
}

TEST_CASE("Other people's lines about vfio-pci are conflicts, named with file and line") {
  struct Row {
    std::string line;
    bool conflict;
    bool by_address;  // whether it is one there
  };
  const Row rows[] = {
      {"blacklist vfio-pci", true, true},
      {"blacklist vfio_pci", true, true},
      {"blacklist vfio", false, false},
      {"blacklist nouveau", false, false},
      {"install vfio-pci /usr/bin/true", true, true},
      {"install vfio* /usr/bin/true", true, true},
      {"install vfio_pci_core /usr/bin/true", false, false},
      {"options vfio-pci ids=8086:15b8", true, false},  // another device, which may go as well
      {"options vfio_pci disable_vga=1 ids=8086:15b8", true, false},
      {"options vfio-pci ids=8086:15b8,10DE:0FB8:1043:8746", true, true},  // a twin's perhaps
      {"options vfio-pci disable_vga=1", false, false},
      {"options vfio_iommu_type1 allow_unsafe_interrupts=1", false, false},
      {"softdep vfio-pci pre: kvm", false, true},  // switches the install line off
      {"softdep vfio* pre: kvm", false, true},
      {"softdep nouveau pre: vfio-pci", false, false},
      {"#blacklist vfio-pci", false, false},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    const auto refusals = conflicts(desktop().facts(), "\n" + row.line + "\n");
    CHECK(conflicts(desktop().facts(), row.line + "\n", Binding::address).size() ==
          (row.by_address ? 1 : 0));
    CHECK(codes(refusals) == (row.conflict ? Codes{RefusalCode::config_conflict} : Codes{}));
    if (refusals.empty()) continue;
    CHECK(text_of(refusals[0]) ==
          "/etc/modprobe.d/x.conf:2 says '" + row.line + "', which works against vfio.conf");
  }
}

TEST_CASE("A conflict never sends control characters to the terminal") {
  const auto refusals = conflicts(desktop().facts(), "install vfio-pci \x1b[2J\n");
  REQUIRE(refusals.size() == 1);
  CHECK(text_of(refusals[0]).find('\x1b') == std::string::npos);
}

TEST_CASE("Ids on the kernel command line are a conflict unless they hold the card's") {
  struct Row {
    std::string command_line;
    bool conflict;
  };
  const Row rows[] = {
      {"quiet", false},
      {"vfio-pci.ids=", true},
      {"quiet vfio-pci.ids= splash\n", true},
      {"vfio_pci.ids=10de:1d01", true},
      {"vfio-pci.ids=8086:15b8", true},
      {"vfio-pci.ids=10de:1d01,10de:0fb8", false},
      {"vfio_pci.ids=10DE:0FB8,10DE:1D01,8086:15b8", false},
      {"vfio-pci.disable_vga=1", false},
      {"xvfio-pci.ids=1", false},
      {"vfio-pci.ids", false},
      {"vfio-pci.ids=10de:1d01,10de:0fb8 vfio-pci.ids=", true},
  };
  for (const auto& row : rows) {
    INFO(row.command_line);
    const auto refusals = conflicts(desktop().command_line(row.command_line).facts());
    CHECK(codes(refusals) == (row.conflict ? Codes{RefusalCode::config_conflict} : Codes{}));
  }
}

TEST_CASE("Ids on the kernel command line that lack some of the card's say which") {
  const auto facts = desktop().command_line("vfio-pci.ids=10de:1d01").facts();
  CHECK(text_of(conflicts(facts).at(0)) ==
        "the kernel command line has vfio-pci.ids=10de:1d01, which overrides vfio.conf and lacks "
        "0000:01:00.1");
  const auto none = desktop().command_line("vfio-pci.ids=").facts();
  CHECK(text_of(conflicts(none).at(0)) ==
        "the kernel command line has vfio-pci.ids=, which overrides vfio.conf");
}

TEST_CASE("Where vfio-pci is built in the planner looks after the ids on the command line") {
  const auto facts = desktop()
                         .no_kernels()
                         .kernel("6.99", ModuleForm::built_in)
                         .command_line("vfio-pci.ids=10de:1d01")
                         .facts();
  CHECK(codes(conflicts(facts)).empty());
}

TEST_CASE("Lines with ids are no conflict where the card gets its ids whatever they say") {
  const std::string line = "options vfio-pci ids=14e4:43a0";
  const auto covered = desktop().command_line("vfio-pci.ids=10de:1d01,10de:0fb8,14e4:43a0").facts();
  CHECK(codes(conflicts(covered, line)).empty());
  CHECK(codes(conflicts(desktop().facts(), line)) == Codes{RefusalCode::config_conflict});
  // The last ids count. vfio.conf is read before zz.conf, and after a.conf.
  const std::string all = "options vfio-pci ids=10de:1d01,10de:0fb8,14e4:43a0";
  CHECK(codes(conflicts(desktop().facts(), all, Binding::ids, "/etc/modprobe.d/zz.conf")).empty());
  CHECK(codes(conflicts(desktop().facts(), all, Binding::ids, "/etc/modprobe.d/a.conf")) ==
        Codes{RefusalCode::config_conflict});
  CHECK(conflicts(desktop().facts(), all + "\n" + line, Binding::ids, "/etc/modprobe.d/zz.conf")
            .size() == 2);
}

TEST_CASE("By address any ids on the kernel command line are a conflict: the script obeys them") {
  for (const std::string_view word : {"vfio-pci.ids=", "vfio_pci.ids=10de:1d01,10de:0fb8"}) {
    const auto facts = desktop().command_line(word).facts();
    CHECK(codes(conflicts(facts, "", Binding::address)) == Codes{RefusalCode::config_conflict});
  }
  CHECK(codes(conflicts(desktop().command_line("quiet").facts(), "", Binding::address)).empty());
}

TEST_CASE(
    "Ids that this boot alone was started with are no conflict, those of the default entry are") {
  auto facts = desktop().command_line("vfio-pci.ids=").facts();
  BootEntry entry;
  entry.command_line = "quiet";
  facts.boot_menu.entries = {entry, entry};
  facts.boot_menu.entries[0].command_line = "vfio-pci.ids=";
  CHECK(codes(conflicts(facts)) == Codes{RefusalCode::config_conflict});
  facts.boot_menu.default_entry = 1;
  CHECK(codes(conflicts(facts)).empty());
  facts.boot_menu.default_entry = 0;
  facts.command_line = "quiet";
  CHECK(codes(conflicts(facts)) == Codes{RefusalCode::config_conflict});
  facts.boot_menu.entries[0].command_line.reset();
  CHECK(codes(conflicts(facts)).empty());
}

TEST_CASE("Of several ids on the kernel command line the last ones win") {
  const auto facts =
      desktop().command_line("vfio-pci.ids= vfio-pci.ids=10de:1d01,10de:0fb8").facts();
  CHECK(codes(conflicts(facts)).empty());
}

TEST_CASE("A blacklisted driver of the card is no conflict, but known with file and line") {
  const auto claims = test::usual_claims(desktop().facts(), at_all({"01:00.0", "01:00.1"}));
  const auto lines = parse_modprobe(ModprobeFile{
      "/etc/modprobe.d/x.conf",
      "blacklist nouveau\nblacklist snd-hda-intel\nblacklist pcspkr\noptions nouveau modeset=0\n"});
  const auto notes = find_hindrances(claims, lines);
  REQUIRE(notes.size() == 2);
  CHECK_THAT(text_of(notes[0]), has_text("/etc/modprobe.d/x.conf:1 blacklists nouveau"));
  CHECK_THAT(text_of(notes[1]), has_text("/etc/modprobe.d/x.conf:2 blacklists snd-hda-intel"));
  CHECK(find_hindrances(claims, {}).empty());
}

TEST_CASE("Every conflict is reported, not only the first") {
  const auto facts = desktop().no_kernels().command_line("vfio-pci.ids=").facts();
  CHECK(codes(conflicts(facts, "blacklist vfio-pci\ninstall vfio-pci true\n")) ==
        Codes{RefusalCode::no_vfio_module, RefusalCode::config_conflict,
              RefusalCode::config_conflict, RefusalCode::config_conflict});
}

}  // namespace vfio_switch
