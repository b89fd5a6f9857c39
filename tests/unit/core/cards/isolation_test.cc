// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/isolation.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/cards/card.h"
#include "core/cards/iommu.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::at_all;
using test::audio;
using test::bridge;
using test::codes;
using test::desktop;
using test::FactsBuilder;
using test::find_refusal;
using test::Function;
using test::has_text;
using test::host_bridge;
using test::network;
using test::text_of;
using test::usb;
using test::vga;

namespace {

using Codes = std::vector<RefusalCode>;

std::vector<Refusal> refusals_of(const SystemFacts& facts, std::string_view gpu) {
  const auto& device = *find_device(facts, at(gpu));
  const auto functions = card_functions(facts, device);
  return card_refusals(facts, device, functions, functions);
}

/// A server: its management controller shows the screen, and one card is free.
FactsBuilder server() {
  return FactsBuilder()
      .with(vga("05:00.0", "1a03:2000").driver("ast").boots())
      .with(vga("01:00.0", "10de:1d01").driver("nouveau"))
      .with(audio("01:00.1", "10de:0fb8").driver("snd_hda_intel"))
      .kernel(test::desktop_kernel);
}

}  // namespace

TEST_CASE("Nothing is said against a card that is free") {
  CHECK(codes(refusals_of(desktop().facts(), "01:00.0")).empty());
  CHECK(codes(refusals_of(server().facts(), "01:00.0")).empty());
}

TEST_CASE("Each refusal has a machine that provokes it, and a neighbour that does not") {
  struct Row {
    std::string what;
    FactsBuilder machine;
    std::string gpu;
    Codes refused;
  };
  const auto gpu_alone = [] { return desktop().without("00:02.0"); };
  const Row rows[] = {
      {"only-gpu: no other display", gpu_alone(), "01:00.0", {RefusalCode::only_gpu}},
      {"only-gpu: another display that is a virtual function",
       gpu_alone().with(vga("02:00.1", "10de:2235").virtual_function()),
       "01:00.0",
       {RefusalCode::only_gpu}},
      {"not only-gpu: a management controller's display stays", server(), "01:00.0", {}},
      {"not only-gpu: a 3D controller with a driver stays",
       gpu_alone().with(Function("02:00.0", "10de:1eb8", 0x030200).driver("nvidia")),
       "01:00.0",
       {}},

      {"boot-gpu: the firmware's screen is on it",
       desktop()
           .change("00:02.0", [](PciDevice& d) { d.boot_vga = false; })
           .change("01:00.0", [](PciDevice& d) { d.boot_vga = true; }),
       "01:00.0",
       {RefusalCode::boot_gpu}},
      {"boot-gpu and only-gpu",
       gpu_alone().change("01:00.0", [](PciDevice& d) { d.boot_vga = true; }),
       "01:00.0",
       {RefusalCode::only_gpu, RefusalCode::boot_gpu}},

      {"integrated: on bus 00",
       desktop().change("00:02.0",
                        [](PciDevice& d) {
                          d.boot_vga = false;
                          d.connectors.clear();
                        }),
       "00:02.0",
       {RefusalCode::integrated}},
      {"integrated: beside a security processor",
       desktop().with(vga("06:00.0", "1002:1638")).with(Function("06:00.2", "1022:15df", 0x108000)),
       "06:00.0",
       {RefusalCode::integrated}},

      {"host-display: a management controller's", server(), "05:00.0", {RefusalCode::host_display}},

      {"virtual-function",
       desktop().with(vga("01:00.4", "10de:2235").virtual_function()),
       "01:00.4",
       {RefusalCode::virtual_function}},

      {"display-in-use: the only monitor is on it",
       desktop()
           .change("00:02.0", [](PciDevice& d) { d.connectors = {{"card0-DP-1", false}}; })
           .change("01:00.0", [](PciDevice& d) { d.connectors = {{"card1-DP-1", true}}; }),
       "01:00.0",
       {RefusalCode::display_in_use}},
      {"not display-in-use: a monitor stays with the host",
       desktop().change("01:00.0", [](PciDevice& d) { d.connectors = {{"card1-DP-1", true}}; }),
       "01:00.0",
       {}},
      {"not display-in-use: no monitor anywhere",
       desktop()
           .change("00:02.0", [](PciDevice& d) { d.connectors = {{"card0-DP-1", false}}; })
           .change("01:00.0", [](PciDevice& d) { d.connectors = {{"card1-DP-1", false}}; }),
       "01:00.0",
       {}},
      {"display-in-use: what stays has no driver and no framebuffer",
       desktop().change("00:02.0",
                        [](PciDevice& d) {
                          d.driver.reset();
                          d.boot_vga = false;
                        }),
       "01:00.0",
       {RefusalCode::display_in_use}},
      {"display-in-use: what stays is held for another guest",
       desktop().change("00:02.0",
                        [](PciDevice& d) {
                          d.driver = "vfio-pci";
                          d.boot_vga = false;
                        }),
       "01:00.0",
       {RefusalCode::display_in_use}},
      {"display-in-use: what stays is held for another guest, wherever the machine booted",
       desktop().change("00:02.0", [](PciDevice& d) { d.driver = "vfio-pci"; }),
       "01:00.0",
       {RefusalCode::display_in_use}},
      {"not display-in-use: what stays has no driver, but the framebuffer",
       desktop().change("00:02.0", [](PciDevice& d) { d.driver.reset(); }),
       "01:00.0",
       {}},

      {"in-use: a disk below its USB controller",
       desktop().with(usb("01:00.2", "10de:1ad8").group(1).used_for("disk sda")),
       "01:00.0",
       {RefusalCode::in_use}},
      {"not in-use: a USB controller with nothing below",
       desktop().with(usb("01:00.2", "10de:1ad8").group(1)),
       "01:00.0",
       {}},
      {"not in-use: a disk below another USB controller",
       desktop().with(usb("00:14.0", "8086:7ae0").used_for("disk sda")),
       "01:00.0",
       {}},

      {"group-shared: a network card",
       desktop().with(network("02:00.0", "8086:15b8").group(1)),
       "01:00.0",
       {RefusalCode::group_shared}},
      {"not group-shared: a network card elsewhere",
       desktop().with(network("02:00.0", "8086:15b8").group(2)),
       "01:00.0",
       {}},
      {"not group-shared: bridges",
       desktop()
           .with(bridge("00:01.1", "8086:460e").group(1))
           .with(host_bridge("00:01.2", "8086:460f").group(1)),
       "01:00.0",
       {}},
      {"group-shared: an ISA bridge",
       desktop().with(Function("00:1f.0", "8086:7a84", 0x060100).group(1)),
       "01:00.0",
       {RefusalCode::group_shared}},
      {"group-shared: an NVSwitch",
       desktop().with(Function("02:00.0", "10de:1af1", 0x068000).group(1)),
       "01:00.0",
       {RefusalCode::group_shared}},
      {"group-shared: the group of its sound, not its own",
       desktop()
           .change("01:00.1", [](PciDevice& d) { d.iommu_group = 9; })
           .with(network("02:00.0", "8086:15b8").group(9)),
       "01:00.0",
       {RefusalCode::group_shared}},
      {"not group-shared: its functions in groups of their own",
       desktop().change("01:00.1", [](PciDevice& d) { d.iommu_group = 9; }),
       "01:00.0",
       {}},
      {"group-shared: a second card",
       desktop()
           .with(vga("02:00.0", "10de:2d04").group(1))
           .with(audio("02:00.1", "10de:22eb").group(1)),
       "01:00.0",
       {RefusalCode::group_shared}},

      {"an identical card, which is told apart by its address",
       desktop().with(vga("02:00.0", "10de:1d01")).with(audio("02:00.1", "10de:0fb8")),
       "01:00.0",
       {}},

      {"iommu-off: no groups at all",
       desktop().iommu_off(IommuTable::none),
       "01:00.0",
       {RefusalCode::iommu_off}},
      {"iommu-off: none for this GPU",
       desktop().change("01:00.0", [](PciDevice& d) { d.iommu_group.reset(); }),
       "01:00.0",
       {RefusalCode::iommu_off}},
      {"iommu-off: none for its sound",
       desktop().change("01:00.1", [](PciDevice& d) { d.iommu_group.reset(); }),
       "01:00.0",
       {RefusalCode::iommu_off}},
      {"not iommu-off: none for another device",
       desktop().with(network("02:00.0", "8086:15b8").no_group()),
       "01:00.0",
       {}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto refusals = refusals_of(row.machine.facts(), row.gpu);
    CHECK(codes(refusals) == row.refused);
    for (const auto& refusal : refusals) {
      CHECK_FALSE(text_of(refusal).empty());
      CHECK_FALSE(refusal.devices.empty());
    }
  }
}

TEST_CASE("A card that the host's configuration gives to its display is in use") {
  auto facts = desktop().facts();
  facts.display_claims = {{at("01:00.1"), {"/etc/X11/xorg.conf", 12}}};
  const auto refusals = refusals_of(facts, "01:00.0");
  REQUIRE(codes(refusals) == Codes{RefusalCode::display_in_use});
  CHECK(text_of(refusals[0]) == "/etc/X11/xorg.conf:12 assigns 0000:01:00.1 to the host's display");

  // A file that a tool generates is that tool's.
  facts.display_claims = {
      {at("01:00.1"), {"/etc/X11/xorg.conf.d/10-optimus-manager.conf", 9}, "BusID \"PCI:1:0:0\""}};
  CHECK(end_of_claim(facts.display_claims.front()) ==
        RemedyStep(Run{{{"optimus-manager", "--switch", "integrated"}}}));
  facts.display_claims = {{at("00:02.0"), {"/etc/X11/xorg.conf", 12}}};
  CHECK(codes(refusals_of(facts, "01:00.0")).empty());
}

TEST_CASE("Every blocker of a shared group is named with its driver") {
  const auto facts = desktop()
                         .with(network("02:00.0", "8086:15b8").group(1).driver("e1000e"))
                         .with(network("03:00.0", "8086:15b9").group(1))
                         .facts();
  const auto refusals = refusals_of(facts, "01:00.0");
  const auto* shared = find_refusal(refusals, RefusalCode::group_shared);
  REQUIRE(shared != nullptr);
  CHECK(shared->devices == at_all({"02:00.0", "03:00.0"}));
  CHECK(text_of(*shared) ==
        "0000:01:00.0 shares IOMMU group 1 with 0000:02:00.0 (e1000e) and 0000:03:00.0 (no "
        "driver)");
  CHECK(text_of(shared->remedy) == "Move the card to another slot.\n");
}

TEST_CASE("A refusal with many blockers stays one line, and its devices are complete") {
  auto builder = desktop();
  for (const std::string bus : {"02", "03", "04", "05", "06", "07"}) {
    builder.with(network(bus + ":00.0", "8086:15b8").group(1));
  }
  const auto refusals = refusals_of(builder.facts(), "01:00.0");
  const auto* shared = find_refusal(refusals, RefusalCode::group_shared);
  REQUIRE(shared != nullptr);
  CHECK(shared->devices.size() == 6);
  CHECK_THAT(text_of(*shared), has_text("0000:05:00.0 (no driver) and 2 more"));
  CHECK(shared->data.back().items.size() == 6);
}

TEST_CASE("What leaves together with the card does not stand in its way") {
  const auto facts = desktop()
                         .with(vga("02:00.0", "10de:1d01").group(1))
                         .with(audio("02:00.1", "10de:0fb8").group(1))
                         .facts();
  const auto& gpu = *find_device(facts, at("01:00.0"));
  const auto functions = card_functions(facts, gpu);
  CHECK(codes(card_refusals(facts, gpu, functions, functions)) == Codes{RefusalCode::group_shared});
  CHECK(codes(card_refusals(facts, gpu, functions,
                            at_all({"01:00.0", "01:00.1", "02:00.0", "02:00.1"})))
            .empty());
}

TEST_CASE("The parameter that would turn the IOMMU on is known") {
  struct Row {
    std::string what;
    bool on;
    IommuTable table;
    std::string command_line;
    bool missing;
  };
  const Row rows[] = {
      {"Intel, off by default", false, IommuTable::dmar, "quiet", true},
      {"Intel, nothing known of the command line", false, IommuTable::dmar, "", true},
      {"Intel, on", true, IommuTable::dmar, "quiet", false},
      {"Intel, asked for in vain", false, IommuTable::dmar, "quiet intel_iommu=on", false},
      {"Intel, switched off", false, IommuTable::dmar, "intel_iommu=off quiet", false},
      {"Intel, any IOMMU switched off", false, IommuTable::dmar, "iommu=off", false},
      {"AMD, where amd_iommu=on is no parameter", false, IommuTable::ivrs, "quiet", false},
      {"AMD, switched off", false, IommuTable::ivrs, "amd_iommu=off", false},
      {"switched off in the firmware", false, IommuTable::none, "quiet", false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    auto builder = desktop().command_line(row.command_line);
    if (!row.on) builder.iommu_off(row.table);
    CHECK(missing_iommu_parameter(builder.facts()).has_value() == row.missing);
  }
  CHECK(missing_iommu_parameter(desktop().iommu_off(IommuTable::dmar).facts()) == "intel_iommu=on");
}

TEST_CASE("A parameter that is one of a comma list is given already") {
  const auto facts =
      desktop().iommu_off(IommuTable::dmar).command_line("intel_iommu=on,sm_on").facts();
  CHECK(missing_iommu_parameter(facts) == std::nullopt);
}

TEST_CASE("A parameter of the other vendor's IOMMU plays no part") {
  const auto intel = desktop().iommu_off(IommuTable::dmar).command_line("amd_iommu=off").facts();
  CHECK(missing_iommu_parameter(intel) == "intel_iommu=on");
  const auto amd = desktop().iommu_off(IommuTable::ivrs).command_line("intel_iommu=off").facts();
  const auto refusals = refusals_of(amd, "01:00.0");
  const auto* off = find_refusal(refusals, RefusalCode::iommu_off);
  REQUIRE(off != nullptr);
  CHECK(off->cause == RefusalCause::iommu_unexplained_other);
}

TEST_CASE("An IOMMU that is off is refused with what turns it on") {
  struct Row {
    IommuTable table;
    std::string command_line;
    std::string remedy;
  };
  const Row rows[] = {
      {IommuTable::dmar, "quiet", "needs intel_iommu=on"},
      {IommuTable::dmar, "intel_iommu=off", "has intel_iommu=off"},
      {IommuTable::dmar, "iommu=off", "has iommu=off"},
      {IommuTable::dmar, "intel_iommu=on", "journalctl --dmesg '--grep=DMAR|AMD-Vi'"},
      {IommuTable::ivrs, "amd_iommu=off", "has amd_iommu=off"},
      {IommuTable::ivrs, "quiet iommu=off\n", "has iommu=off"},
      {IommuTable::ivrs, "quiet", "journalctl --dmesg '--grep=DMAR|AMD-Vi'"},
      {IommuTable::none, "quiet", "firmware setup"},
  };
  for (const auto& row : rows) {
    INFO(row.command_line);
    const auto facts = desktop().command_line(row.command_line).iommu_off(row.table).facts();
    const auto refusals = refusals_of(facts, "01:00.0");
    const auto* off = find_refusal(refusals, RefusalCode::iommu_off);
    REQUIRE(off != nullptr);
    CHECK_THAT(text_of(*off) + "\n" + text_of(off->remedy), has_text(row.remedy));
  }
}

}  // namespace vfio_switch
