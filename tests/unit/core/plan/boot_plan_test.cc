// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_plan.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/binding/driver_config.h"
#include "core/boot/grub_settings.h"
#include "core/cards/isolation.h"
#include "core/facts_builder.h"
#include "core/plan/config_plan.h"
#include "core/tell/message_text.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::codes;
using test::described;
using test::desktop;
using test::FactsBuilder;
using test::find_refusal;
using test::has_text;
using test::plain;
using test::text_of;
using test::usual_claims;
using test::written;

namespace {

using Codes = std::vector<RefusalCode>;
using Parameters = std::vector<std::string>;

const std::string on = "intel_iommu=on";
const std::string ids = "vfio-pci.ids=10de:0fb8,10de:1d01";
const std::string settings(grub_settings_path);

ParameterFile settings_file(const std::string& content) {
  return {ParameterSyntax::grub_settings, settings, RegularFile{content, 0644, 0, 0}};
}

/// GRUB without a directory of drop-ins, and what its settings and its grub.cfg say.
Grub grub(const std::string& parameters = "quiet", const std::string& passed = "quiet") {
  return {{settings_file("GRUB_CMDLINE_LINUX_DEFAULT=\"" + parameters + "\"\n")},
          false,
          {"update-grub"},
          "/boot/grub/grub.cfg",
          "linux /vmlinuz " + passed + "\n"};
}

SystemFacts with_loader(FactsBuilder builder, BootLoader loader) {
  auto facts = builder.facts();
  facts.boot_loader = std::move(loader);
  return facts;
}

/// A plan to enable as the planner makes it, but for the proof.
Plan enable(const SystemFacts& facts, const State& kept = {}, const BootPolicy& policy = {}) {
  SelectionRequest request;
  request.iommu_coming = is_iommu_coming(facts, kept, policy);
  const auto selection = select(facts, request);
  const auto claims = usual_claims(facts, selection.functions);
  return with_boot_parameters(plan_enable(facts, selection, claims, {}), facts, claims, kept,
                              policy);
}

State enabled_with(Parameters parameters) {
  return {Intent::enabled, {}, {}, std::move(parameters)};
}

FactsBuilder iommu_off(IommuTable table = IommuTable::dmar) {
  return desktop().iommu_off(table).command_line("root=/dev/sda1 ro quiet");
}

bool says(const Plan& plan, const std::string& part) {
  for (const auto& note : plan.notes) {
    if (text_of(note).find(part) != std::string::npos) return true;
  }
  return false;
}

/// The changes that are about boot parameters.
std::vector<std::string> boot_changes(const Plan& plan) {
  std::vector<std::string> lines;
  for (const auto& change : plan.diff) {
    if (kind(change) == "boot-parameters") lines.push_back(test::plain(action_text(change)));
  }
  return lines;
}

const std::vector<std::string> settings_and_tool = {"write /etc/default/grub", "run update-grub"};

}  // namespace

TEST_CASE("Where the IOMMU is off the plan turns it on, and says that isolation is judged later") {
  const auto plan = enable(with_loader(iommu_off(), grub()));
  CHECK(codes(plan.refusals).empty());
  CHECK(plan.functions == test::at_all({"01:00.0", "01:00.1"}));
  CHECK(boot_changes(plan) == settings_and_tool);
  CHECK(written(plan, settings) == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n");
  CHECK(plan.state.boot_parameters == Parameters{on});
  CHECK(says(plan, "whether the card is isolated can be checked only after it"));
  // Settings before the images, which may hold them; the tool at the end.
  CHECK(kind(plan.diff.back()) == "boot-parameters");
}

TEST_CASE("An IOMMU that is on needs no parameter") {
  const auto plan = enable(with_loader(desktop(), grub()));
  CHECK(codes(plan.refusals).empty());
  CHECK(boot_changes(plan).empty());
  CHECK(plan.state.boot_parameters.empty());
}

TEST_CASE("A parameter that was typed at the boot menu goes into the settings") {
  auto facts = with_loader(desktop(), grub());
  facts.iommu_table = IommuTable::dmar;
  facts.command_line = "root=/dev/sda1 ro quiet intel_iommu=on";
  CHECK(boot_changes(enable(facts)).empty());  // what boots next is not known

  facts.boot_menu.entries = {{.id = "0", .title = "Debian", .command_line = "root=/dev/sda1 ro"}};
  mark_default(facts.boot_menu, 0);
  const auto plan = enable(facts);
  CHECK(boot_changes(plan) == settings_and_tool);
  CHECK(written(plan, settings) == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n");
  CHECK(plan.state.boot_parameters == Parameters{on});
  CHECK_FALSE(says(plan, "isolat"));
  CHECK(boot_changes(enable(facts, {}, {.may_add = false})).empty());

  facts.boot_menu.entries[0].possible_words = {on};
  CHECK(boot_changes(enable(facts)).empty());
  facts.boot_menu.entries[0] = {.id = "0", .title = "Debian", .command_line = "ro " + on};
  CHECK(boot_changes(enable(facts)).empty());
}

TEST_CASE("Who is not asked adds nothing, and restores what was added before") {
  const auto facts = with_loader(iommu_off(), grub());
  const auto refused = enable(facts, {}, {.may_add = false});
  CHECK(find_refusal(refused.refusals, RefusalCode::boot_parameter) != nullptr);
  CHECK(boot_changes(refused).empty());
  CHECK(refused.state.boot_parameters.empty());

  const auto restored = enable(facts, enabled_with({on}), {.may_add = false});
  CHECK(codes(restored.refusals).empty());
  CHECK(boot_changes(restored) == settings_and_tool);
}

TEST_CASE("A parameter that is staged is not added again, nor called ours where it is not") {
  const auto facts = with_loader(iommu_off(), grub("quiet intel_iommu=on", "quiet intel_iommu=on"));
  for (const auto& kept : {State(), enabled_with({on})}) {
    const auto plan = enable(facts, kept, {.may_add = false});
    CHECK(codes(plan.refusals).empty());
    CHECK(boot_changes(plan).empty());
    CHECK(plan.state.boot_parameters == kept.boot_parameters);
    CHECK(says(plan, "whether the card is isolated can be checked only after it"));
  }
}

TEST_CASE("A grub.cfg that is older than the settings is written anew, where that is possible") {
  const auto facts = with_loader(iommu_off(), grub("quiet intel_iommu=on", "quiet"));
  CHECK(boot_changes(enable(facts)) == std::vector<std::string>{"run update-grub"});
  CHECK(boot_changes(enable(facts, {}, {.may_run = false})).empty());
}

TEST_CASE("Once the IOMMU is on, the parameter that turned it on stays") {
  const auto facts = with_loader(desktop().command_line("ro quiet intel_iommu=on"),
                                 grub("quiet intel_iommu=on", "quiet intel_iommu=on"));
  const auto plan = enable(facts, enabled_with({on}));
  CHECK(boot_changes(plan).empty());
  CHECK(plan.state.boot_parameters == Parameters{on});
}

TEST_CASE("iommu=pt is added where the settings ask for it, and goes with them") {
  const BootPolicy pt{.pass_through = true};
  const auto plan = enable(with_loader(desktop(), grub()), {}, pt);
  CHECK(written(plan, settings) == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet iommu=pt\"\n");
  CHECK(plan.state.boot_parameters == Parameters{"iommu=pt"});
  const auto facts = with_loader(desktop(), grub("quiet iommu=pt", "quiet iommu=pt"));
  CHECK(boot_changes(enable(facts, enabled_with({"iommu=pt"}), pt)).empty());
  const auto gone = enable(facts, enabled_with({"iommu=pt"}));
  CHECK(written(gone, settings) == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
  CHECK(gone.state.boot_parameters.empty());
  // Somebody else's stays, and is not needed twice.
  CHECK(boot_changes(enable(facts)).empty());
  CHECK(boot_changes(enable(facts, {}, pt)).empty());
}

TEST_CASE("Where vfio-pci is built in its ids go on the kernel command line") {
  const auto built_in = desktop().kernel("6.99-custom", ModuleForm::built_in);
  const auto plan = enable(with_loader(built_in, grub()));
  CHECK(codes(plan.refusals).empty());
  CHECK(written(plan, settings) == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet " + ids + "\"\n");
  CHECK(plan.config.parameter_ids == VfioIds::parse("10de:0fb8,10de:1d01"));
  CHECK(plan.state.boot_parameters == Parameters{ids});

  const auto unknown = enable(with_loader(built_in, UnknownLoader{}));
  const auto* refusal = find_refusal(unknown.refusals, RefusalCode::boot_parameter);
  REQUIRE(refusal != nullptr);
  CHECK(text_of(*refusal) == "the kernel command line needs " + ids +
                                 " (vfio-pci is built into kernel 6.99-custom, where modprobe.d "
                                 "has no effect on it), which vfio-switch cannot add: no known "
                                 "boot loader was found");

  // By hand, on a boot loader that is not known: it shows in the running command line.
  const auto by_hand =
      desktop().kernel("6.99-custom", ModuleForm::built_in).command_line("ro " + ids);
  CHECK(codes(enable(with_loader(by_hand, UnknownLoader{})).refusals).empty());
  CHECK(next_boot_ids(with_loader(by_hand, UnknownLoader{})) ==
        VfioIds::parse("10de:0fb8,10de:1d01"));
}

TEST_CASE("A built-in driver that registers after vfio-pci asks for the ids, and it is said why") {
  const auto facts =
      with_loader(desktop().no_kernels().kernel("6.99", ModuleForm::built_in), grub());
  const auto selection = select(facts, {});
  auto claims = usual_claims(facts, selection.functions);
  claims[1].built_in = {"snd_hda_intel"};
  const auto planned = [&](const SystemFacts& machine) {
    return with_boot_parameters(plan_enable(machine, selection, claims, {}), machine, claims, {},
                                {});
  };
  const auto plan = planned(facts);
  CHECK(codes(plan.refusals).empty());
  CHECK(plan.state.boot_parameters == Parameters{ids});
  const std::string why =
      "in kernel 6.99 vfio-pci binds the card by its ids on the kernel command line: vfio-pci and "
      "snd_hda_intel are built into this kernel, where vfio-pci registers first: sound is linked "
      "after drivers/vfio";
  CHECK(says(plan, why));
  // With the parameter there nothing is planned about it, and the reason is the same.
  const auto ready = planned(
      with_loader(desktop().no_kernels().kernel("6.99", ModuleForm::built_in), grub(ids, ids)));
  CHECK(codes(ready.refusals).empty());
  CHECK(boot_changes(ready).empty());
  CHECK(says(ready, why));
  claims[0].built_in = {"nouveau"};
  const auto refused = planned(facts);
  REQUIRE(codes(refused.refusals) == Codes{RefusalCode::boot_parameter});
  CHECK(text_of(refused.refusals[0]) ==
        "vfio-pci is built into kernel 6.99, where it cannot bind by address, which this card "
        "needs: nouveau is built into kernel 6.99 as well, and is not known to register after "
        "vfio-pci");
}

TEST_CASE("Somebody else's vfio-pci.ids= is never shadowed by a second one") {
  const auto machine = [](const std::string& parameters) {
    return with_loader(desktop()
                           .no_kernels()
                           .kernel("6.99", ModuleForm::built_in)
                           .with(test::network("05:00.0", "14e4:43a0")),
                       grub(parameters, parameters));
  };
  const std::string former = "vfio-pci.ids=14e4:43a0";
  const auto plan = enable(machine("quiet " + former));
  REQUIRE(codes(plan.refusals) == Codes{RefusalCode::boot_parameter});
  CHECK(text_of(plan.refusals[0]) ==
        "the kernel command line needs " + ids +
            " (vfio-pci is built into kernel 6.99, where modprobe.d has no effect on it), which "
            "vfio-switch cannot add: it has vfio-pci.ids=14e4:43a0, and of several such parameters "
            "the kernel takes the last one alone");
  CHECK(text_of(plan.refusals[0].remedy) ==
        "In /etc/default/grub:1, replace\n"
        "  GRUB_CMDLINE_LINUX_DEFAULT=\"quiet vfio-pci.ids=14e4:43a0\"\n"
        "with\n"
        "  GRUB_CMDLINE_LINUX_DEFAULT=\"quiet vfio-pci.ids=10de:0fb8,10de:1d01,14e4:43a0\"\n"
        "Run:\n  update-grub\n");
  // With all of them in one word nothing is left to do, in whatever order and spelling.
  const auto done = enable(machine("quiet vfio_pci.ids=14e4:43a0,10DE:1d01,10de:0fb8"));
  CHECK(codes(done.refusals).empty());
  CHECK(boot_changes(done).empty());
  CHECK(done.state.boot_parameters.empty());
  // A word that vfio-switch added is its own to change, but not behind one that counts more.
  const auto other = enable(machine("quiet vfio-pci.ids=1:2"), enabled_with({"vfio-pci.ids=1:2"}));
  CHECK(codes(other.refusals).empty());
  CHECK(other.state.boot_parameters == Parameters{ids});
  const auto shadowed = enable(machine(ids + " " + former), enabled_with({ids}));
  CHECK(codes(shadowed.refusals) == Codes{RefusalCode::boot_parameter});
}

TEST_CASE("Of entries with a command line each the default one tells the ids of the next boot") {
  const auto entry = [](const std::string& path, const std::string& line) {
    return ParameterFile{ParameterSyntax::boot_entry, path,
                         RegularFile{"options " + line + "\n", 0644, 0, 0}};
  };
  auto facts =
      with_loader(desktop(), BootEntries{{entry("/efi/loader/entries/a.conf", "ro"),
                                          entry("/efi/loader/entries/b.conf", "ro " + ids)}});
  // Without a menu that can be read there is no telling which one counts.
  CHECK(next_boot_ids(facts) == VfioIds::parse("10de:0fb8,10de:1d01"));
  facts.boot_menu.entries.resize(2);
  facts.boot_menu.entries[0].command_line = "ro";
  facts.boot_menu.entries[1].command_line = "ro " + ids;
  mark_default(facts.boot_menu, 0);
  CHECK(next_boot_ids(facts) == std::nullopt);
  mark_default(facts.boot_menu, 1);
  CHECK(next_boot_ids(facts) == VfioIds::parse("10de:0fb8,10de:1d01"));
}

TEST_CASE("The ids go from the command line when the card is given back, the IOMMU stays on") {
  const auto facts = with_loader(desktop(), grub("quiet intel_iommu=on " + ids, "quiet " + ids));
  CHECK(next_boot_ids(facts) == VfioIds::parse("10de:0fb8,10de:1d01"));
  const auto kept = enabled_with({on, ids});
  const auto plan = without_id_parameter(plan_disable(facts, kept, {}), facts, kept, {});
  CHECK(written(plan, settings) == "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on\"\n");
  CHECK(boot_changes(plan) == settings_and_tool);
  CHECK(plan.state.boot_parameters == Parameters{on});
}

TEST_CASE("A signed unified image under Secure Boot is left to its signer") {
  auto facts =
      with_loader(iommu_off(), UnifiedImage{{{ParameterSyntax::command_line, "/etc/kernel/cmdline",
                                              RegularFile{"root=a\n", 0644, 0, 0}}}});
  facts.command_line_locked = true;
  const auto plan = enable(facts);
  REQUIRE(codes(plan.refusals) == Codes{RefusalCode::cmdline_locked});
  CHECK_THAT(text_of(plan.refusals[0]), has_text("needs intel_iommu=on (the IOMMU is off)"));
  CHECK_THAT(text_of(plan.refusals[0].remedy), has_text("and sign it where Secure Boot is on"));
  CHECK(says(plan, "a boot without passthrough cannot be chosen at the boot menu"));
  CHECK(plan.command_line_locked);
  CHECK(boot_changes(plan).empty());

  // Where no parameter is missing it is said, and done.
  auto ready = with_loader(desktop(), UnifiedImage{});
  ready.command_line_locked = true;
  CHECK(codes(enable(ready).refusals).empty());
  CHECK(says(enable(ready), "a boot without passthrough cannot be chosen at the boot menu"));
}

TEST_CASE("A unified image is built anew with its command line, or else nothing is changed") {
  const UnifiedImage image{{{ParameterSyntax::command_line, "/etc/kernel/cmdline",
                             RegularFile{"root=a\n", 0644, 0, 0}}}};
  const auto plan = enable(with_loader(iommu_off(), image));
  CHECK(boot_changes(plan) == std::vector<std::string>{"write /etc/kernel/cmdline"});
  CHECK(described(plan.diff).back() == "rebuild " + std::string(test::desktop_image));

  auto facts = with_loader(iommu_off(), image);
  for (auto& kernel : facts.kernels) kernel.initramfs.reset();
  const auto refused = enable(facts);
  REQUIRE(codes(refused.refusals) == Codes{RefusalCode::boot_parameter});
  CHECK(text_of(refused.refusals[0]) ==
        "the kernel command line needs intel_iommu=on (the IOMMU is off), which vfio-switch cannot "
        "add: the unified kernel image must then be rebuilt, and vfio-switch does not know how "
        "on this system");
}

TEST_CASE("grubby's and rpm-ostree's tools have to run") {
  const Grubby grubby{{{ParameterSyntax::boot_entry, "/boot/loader/entries/a.conf",
                        RegularFile{"linux /v\noptions ro\n", 0644, 0, 0}}},
                      {"/boot/loader/entries/a.conf"}};
  CHECK(boot_changes(enable(with_loader(iommu_off(), grubby))) ==
        std::vector<std::string>{"run grubby --update-kernel=ALL --args=intel_iommu=on"});
  const auto refused = enable(with_loader(iommu_off(), grubby), {}, {.may_run = false});
  REQUIRE(codes(refused.refusals) == Codes{RefusalCode::boot_parameter});
  CHECK(text_of(refused.refusals[0]) ==
        "grubby must change the kernel command line (intel_iommu=on), and vfio-switch runs it only "
        "with --rebuild");
}

TEST_CASE("A disk that the TPM unlocks is a reason to have the recovery key at hand") {
  auto facts = with_loader(iommu_off(), grub());
  facts.tpm_unlock = Place{"/etc/crypttab", 2};
  CHECK(says(enable(facts), "according to /etc/crypttab:2 the TPM unlocks a disk"));
  CHECK(says(enable(facts), "the recovery key"));
  auto unchanged = with_loader(desktop(), grub());
  unchanged.tpm_unlock = Place{"/etc/crypttab", 2};
  CHECK_FALSE(says(enable(unchanged), "recovery key"));
}

TEST_CASE("A boot file system that is not mounted keeps settings from being changed too") {
  auto facts = with_loader(desktop(), grub());
  facts.unmounted = {"/boot"};
  const auto plan = enable(facts, {}, {.pass_through = true});
  CHECK(codes(plan.refusals) == Codes{RefusalCode::boot_not_mounted});
}

TEST_CASE("A parameter that cannot be added is told with the place where it goes") {
  const auto unknown = enable(with_loader(iommu_off(), UnknownLoader{}));
  const auto* refusal = find_refusal(unknown.refusals, RefusalCode::boot_parameter);
  REQUIRE(refusal != nullptr);
  CHECK(text_of(*refusal) == "this kernel needs intel_iommu=on to enable the IOMMU");
  CHECK(text_of(refusal->remedy) ==
        "Add intel_iommu=on to the kernel command line, in the boot loader's settings.\nReboot.\n");
  const auto limine =
      enable(with_loader(iommu_off(), Limine{"/boot/limine.conf", "cmdline: root=a\n"}));
  refusal = find_refusal(limine.refusals, RefusalCode::boot_parameter);
  REQUIRE(refusal != nullptr);
  CHECK(
      text_of(refusal->remedy) ==
      "In /boot/limine.conf:1, replace\n  cmdline: root=a\nwith\n  cmdline: root=a intel_iommu=on\n"
      "Reboot.\n");
}

TEST_CASE("A parameter that turns the IOMMU off is named with its line, never removed") {
  struct Row {
    IommuTable table;
    std::string parameter;
  };
  const Row row =
      GENERATE(Row{IommuTable::ivrs, "amd_iommu=off"}, Row{IommuTable::ivrs, "iommu=off"},
               Row{IommuTable::dmar, "intel_iommu=off"}, Row{IommuTable::dmar, "iommu=off"});
  const auto facts = with_loader(iommu_off(row.table).command_line("ro " + row.parameter),
                                 grub("quiet " + row.parameter, row.parameter));
  const auto plan = enable(facts);
  const auto* refusal = find_refusal(plan.refusals, RefusalCode::iommu_off);
  REQUIRE(refusal != nullptr);
  CHECK(text_of(*refusal) == "the IOMMU is off, because the kernel command line has " +
                                 row.parameter + " (from /etc/default/grub:1)");
  CHECK(boot_changes(plan).empty());
}

TEST_CASE("The other vendor's parameter is told from one that does something") {
  const auto message = [](IommuTable table, const std::string& command_line) {
    const auto facts = desktop().iommu_off(table).command_line(command_line).facts();
    const auto selection = select(facts, {});
    const auto& card = *test::find_candidate(selection, "01:00.0");
    return text_of(*find_refusal(card.refusals, RefusalCode::iommu_off));
  };
  CHECK(message(IommuTable::dmar, "ro amd_iommu=on") ==
        "this kernel needs intel_iommu=on to enable the IOMMU (amd_iommu=on is for AMD processors "
        "and has no effect)");
  CHECK_THAT(message(IommuTable::ivrs, "ro intel_iommu=on"),
             has_text("intel_iommu=on is for Intel processors and has no effect"));
  CHECK_THAT(message(IommuTable::dmar, "ro"), !has_text("for AMD"));
}

}  // namespace vfio_switch
