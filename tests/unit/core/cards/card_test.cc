// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/card.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;
using test::at_all;
using test::audio;
using test::bridge;
using test::desktop;
using test::FactsBuilder;
using test::Function;
using test::network;
using test::usb;
using test::usb_c;
using test::vga;

namespace {

std::vector<PciAddress> card_of(const SystemFacts& facts, std::string_view gpu) {
  return card_functions(facts, *find_device(facts, at(gpu)));
}

/// A GPU of `vendor` behind a switch of two ports below a root port, with sound behind the same
/// switch; `switch_vendor` made the switch.
FactsBuilder behind_switch(const std::string& vendor, const std::string& switch_vendor) {
  return FactsBuilder()
      .with(vga("00:02.0", "8086:4680").driver("i915").boots())
      .with(audio("00:1f.3", "8086:7ad0").driver("snd_hda_intel"))
      .with(bridge("00:01.0", "8086:460d"))
      .with(bridge("01:00.0", switch_vendor + ":4fa0").behind({"00:01.0"}))
      .with(bridge("02:01.0", switch_vendor + ":4fa4").behind({"00:01.0", "01:00.0"}))
      .with(bridge("02:04.0", switch_vendor + ":4fa4").behind({"00:01.0", "01:00.0"}))
      .with(vga("03:00.0", vendor + ":56a0").behind({"00:01.0", "01:00.0", "02:01.0"}))
      .with(audio("04:00.0", vendor + ":4f90").behind({"00:01.0", "01:00.0", "02:04.0"}));
}

}  // namespace

TEST_CASE("A device is found by its address, and none where there is none") {
  const auto facts = desktop().facts();
  REQUIRE(find_device(facts, at("01:00.0")) != nullptr);
  CHECK(find_device(facts, at("01:00.0"))->id == test::id("10de:1d01"));
  CHECK(find_device(facts, at("01:00.2")) == nullptr);
  CHECK(find_device(facts, at("ff:00.0")) == nullptr);
  CHECK(find_device(facts, at("0001:01:00.0")) == nullptr);
  CHECK(find_device(SystemFacts{}, at("01:00.0")) == nullptr);
}

TEST_CASE("A card is every function of its slot") {
  SECTION("two functions") {
    CHECK(card_of(desktop().facts(), "01:00.0") == at_all({"01:00.0", "01:00.1"}));
  }
  SECTION("four functions, in one IOMMU group or in several") {
    const unsigned audio_group = GENERATE(1U, 7U);
    auto facts = desktop()
                     .change("01:00.1", [&](PciDevice& d) { d.iommu_group = audio_group; })
                     .with(usb("01:00.2", "10de:1ad8"))
                     .with(usb_c("01:00.3", "10de:1ad9"))
                     .facts();
    CHECK(card_of(facts, "01:00.0") == at_all({"01:00.0", "01:00.1", "01:00.2", "01:00.3"}));
  }
  SECTION("not the next slot, nor the same slot of another domain") {
    const auto facts = desktop()
                           .with(network("01:01.0", "8086:15b8"))
                           .with(audio("0001:01:00.1", "10de:0fb8"))
                           .facts();
    CHECK(card_of(facts, "01:00.0") == at_all({"01:00.0", "01:00.1"}));
  }
  SECTION("not a bridge, nor a virtual function") {
    const auto facts = desktop()
                           .with(bridge("01:00.2", "10de:0001"))
                           .with(vga("01:00.3", "10de:2235").virtual_function())
                           .facts();
    CHECK(card_of(facts, "01:00.0") == at_all({"01:00.0", "01:00.1"}));
  }
}

TEST_CASE("An integrated GPU is its display and its sound, and what they share a group with") {
  const auto apu = [](bool groups) {
    return FactsBuilder()
        .with(vga("05:00.0", "1002:1638").group(5))
        .with(audio("05:00.1", "1002:1637").group(groups ? 6 : 5))
        .with(Function("05:00.2", "1022:15df", 0x108000).group(groups ? 7 : 5))
        .with(usb("05:00.3", "1022:1639").group(groups ? 8 : 5))
        .with(audio("05:00.6", "1022:15e3").group(groups ? 9 : 5))
        .facts();
  };
  CHECK(card_of(apu(true), "05:00.0") == at_all({"05:00.0", "05:00.1"}));
  CHECK(card_of(apu(false), "05:00.0") ==
        at_all({"05:00.0", "05:00.1", "05:00.2", "05:00.3", "05:00.6"}));
}

TEST_CASE("A virtual function is a card of its own") {
  const auto facts = desktop().with(vga("01:00.4", "10de:2235").virtual_function()).facts();
  CHECK(card_of(facts, "01:00.4") == at_all({"01:00.4"}));
}

TEST_CASE("What sits behind the card's own switch is part of the card") {
  SECTION("an Arc card with its sound behind a second port") {
    CHECK(card_of(behind_switch("8086", "8086").facts(), "03:00.0") ==
          at_all({"03:00.0", "04:00.0"}));
  }
  SECTION("an AMD card below a root port of another vendor") {
    CHECK(card_of(behind_switch("1002", "1002").facts(), "03:00.0") ==
          at_all({"03:00.0", "04:00.0"}));
  }
  SECTION("the sound of the chipset, of the same vendor, is not behind it") {
    const auto card = card_of(behind_switch("8086", "8086").facts(), "03:00.0");
    CHECK(std::ranges::find(card, at("00:1f.3")) == card.end());
  }
  SECTION("USB and USB-C controllers are") {
    auto builder = behind_switch("1002", "1002");
    builder.with(usb("04:00.1", "1002:7446").behind({"00:01.0", "01:00.0", "02:04.0"}))
        .with(usb_c("04:00.2", "1002:7444").behind({"00:01.0", "01:00.0", "02:04.0"}));
    CHECK(card_of(builder.facts(), "03:00.0") ==
          at_all({"03:00.0", "04:00.0", "04:00.1", "04:00.2"}));
  }
}

TEST_CASE("Virtual functions of the GPU make its switch nobody else's") {
  auto builder = behind_switch("8086", "8086");
  const auto without = card_of(builder.facts(), "03:00.0");
  builder.with(vga("03:01.0", "8086:56a0").behind({"00:01.0", "01:00.0", "02:01.0"}))
      .change("03:01.0", [](PciDevice& d) { d.virtual_function = true; });
  CHECK(card_of(builder.facts(), "03:00.0") == without);
  CHECK(without.size() > 1);
}

TEST_CASE("A switch is not the card's own") {
  const auto alone = at_all({"03:00.0"});
  SECTION("if another vendor made it") {
    CHECK(card_of(behind_switch("1002", "1022").facts(), "03:00.0") == alone);
  }
  SECTION("if one of its ports is another vendor's") {
    auto builder = behind_switch("1002", "1002");
    builder.change("02:04.0", [](PciDevice& d) { d.id.vendor = 0x1022; });
    CHECK(card_of(builder.facts(), "03:00.0") == alone);
  }
  SECTION("if it is part of a Thunderbolt controller") {
    auto builder = behind_switch("8086", "8086");
    builder.change("02:01.0", [](PciDevice& d) { d.thunderbolt = true; });
    CHECK(card_of(builder.facts(), "03:00.0") == alone);
  }
  SECTION("if something hangs below it that no graphics card has") {
    auto builder = behind_switch("8086", "8086");
    builder.with(network("04:00.1", "8086:15b8").behind({"00:01.0", "01:00.0", "02:04.0"}));
    CHECK(card_of(builder.facts(), "03:00.0") == alone);
  }
  SECTION("if something of another vendor hangs below it") {
    auto builder = behind_switch("8086", "8086");
    builder.with(usb("04:00.1", "1b21:2142").behind({"00:01.0", "01:00.0", "02:04.0"}));
    CHECK(card_of(builder.facts(), "03:00.0") == alone);
  }
  SECTION("if the card hangs below a root port alone") {
    const auto facts = FactsBuilder()
                           .with(bridge("00:01.0", "8086:460d"))
                           .with(bridge("00:06.0", "8086:464d"))
                           .with(vga("03:00.0", "8086:56a0").behind({"00:01.0"}))
                           .with(audio("04:00.0", "8086:4f90").behind({"00:06.0"}))
                           .facts();
    CHECK(card_of(facts, "03:00.0") == alone);
  }
}

TEST_CASE("A root port is never the card's own switch, also with one bridge in between") {
  const auto facts = FactsBuilder()
                         .with(bridge("00:01.0", "8086:460d"))
                         .with(bridge("01:00.0", "8086:4fa0").behind({"00:01.0"}))
                         .with(bridge("01:01.0", "8086:4fa0").behind({"00:01.0"}))
                         .with(vga("03:00.0", "8086:56a0").behind({"00:01.0", "01:00.0"}))
                         .with(audio("04:00.0", "8086:4f90").behind({"00:01.0", "01:01.0"}))
                         .facts();
  CHECK(card_of(facts, "03:00.0") == at_all({"03:00.0"}));
}

TEST_CASE("Two GPUs behind one switch are never one card") {
  auto builder = behind_switch("1002", "1002");
  builder.with(vga("04:00.1", "1002:73bf").behind({"00:01.0", "01:00.0", "02:04.0"}));
  const auto facts = builder.facts();
  CHECK(card_of(facts, "03:00.0") == at_all({"03:00.0"}));
  CHECK(card_of(facts, "04:00.1") == at_all({"04:00.0", "04:00.1"}));
}

TEST_CASE("A GPU is integrated on bus 00, or beside a security processor") {
  const auto facts = desktop()
                         .with(vga("06:00.0", "1002:1638"))
                         .with(audio("06:00.1", "1002:1637"))
                         .with(Function("06:00.2", "1022:15df", 0x108000))
                         .with(vga("07:00.0", "1002:73bf"))
                         .with(Function("08:00.0", "1022:15df", 0x108000))
                         .facts();
  CHECK(is_integrated(facts, *find_device(facts, at("00:02.0"))));
  CHECK(is_integrated(facts, *find_device(facts, at("06:00.0"))));
  CHECK_FALSE(is_integrated(facts, *find_device(facts, at("01:00.0"))));
  CHECK_FALSE(is_integrated(facts, *find_device(facts, at("07:00.0"))));
}

TEST_CASE("The display of a management controller is known by its vendor") {
  CHECK(is_bmc_display(vga("05:00.0", "1a03:2000").device()));
  CHECK(is_bmc_display(vga("05:00.0", "102b:0536").device()));
  CHECK_FALSE(is_bmc_display(vga("05:00.0", "10de:1d01").device()));
}

TEST_CASE("A device is described by address and name, or by its ids where it has no name") {
  auto device = vga("01:00.0", "10de:1d01").device();
  CHECK(describe(device) == "0000:01:00.0 10de:1d01");
  device.name = "NVIDIA Corporation GP108 [GeForce GT 1030]";
  CHECK(describe(device) == "0000:01:00.0 NVIDIA Corporation GP108 [GeForce GT 1030]");
}

}  // namespace vfio_switch
