// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/selection.h"
#include "core/pci/device_spec.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::at_all;
using test::audio;
using test::codes;
using test::desktop;
using test::FactsBuilder;
using test::find_candidate;
using test::Function;
using test::has_text;
using test::id;
using test::network;
using test::text_of;
using test::usb;
using test::vga;

namespace {

using Codes = std::vector<RefusalCode>;

/// The desktop with a second, different card (02:00.0, 02:00.1).
FactsBuilder two_cards() {
  return desktop()
      .with(vga("02:00.0", "10de:2d04").driver("nouveau"))
      .with(audio("02:00.1", "10de:22eb").driver("snd_hda_intel"));
}

/// The desktop with an identical second card.
FactsBuilder twins() {
  return desktop()
      .with(vga("02:00.0", "10de:1d01").driver("nouveau"))
      .with(audio("02:00.1", "10de:0fb8").driver("snd_hda_intel"));
}

/// The desktop, on which `of_host` and `of_card` are known about the boot display.
FactsBuilder boots(std::optional<bool> of_host, std::optional<bool> of_card) {
  return desktop()
      .change("00:02.0", [&](PciDevice& device) { device.boot_vga = of_host; })
      .change("01:00.0", [&](PciDevice& device) { device.boot_vga = of_card; });
}

CardIdentity gt1030_at(std::string_view address) {
  return {at(address), id("10de:1d01"), {}, {0x030000}};
}

SelectionRequest named(std::vector<DeviceSpec> specs, std::vector<RefusalCode> risks = {}) {
  return {std::move(specs), {}, std::move(risks)};
}

SelectionRequest kept(std::vector<CardIdentity> cards) {
  return {{}, std::move(cards), {}};
}

}  // namespace

TEST_CASE("A device is named by its address or by its ids") {
  CHECK((test::value_of(parse_device_spec("01:00.0")) == DeviceSpec(at("01:00.0"))));
  CHECK((test::value_of(parse_device_spec("0001:01:00.1")) == DeviceSpec(at("0001:01:00.1"))));
  CHECK((test::value_of(parse_device_spec("10DE:2D04")) == DeviceSpec(id("10de:2d04"))));
  for (const std::string text : {"", "gpu", "1:0.0", "10de", "10de:2d04:1", "01:00.0,02:00.0"}) {
    INFO(text);
    const auto error = test::error_of(parse_device_spec(text));
    CHECK(error.kind == ErrorKind::usage);
    CHECK_THAT(error.message, has_text("'" + text + "'"));
    CHECK_THAT(error.remedy, has_text("01:00.0"));
    CHECK_THAT(error.remedy, has_text("10de:2d04"));
  }
}

TEST_CASE("Without a name the only eligible card is taken, whole") {
  const auto selection = select(desktop().facts(), {});
  CHECK(selection.refusals.empty());
  CHECK(selection.functions == at_all({"01:00.0", "01:00.1"}));
  REQUIRE(selection.cards.size() == 1);
  CHECK((selection.cards[0] == gt1030_at("01:00.0")));
  REQUIRE(selection.gpus.size() == 2);
  CHECK(selection.gpus[0].gpu == at("00:02.0"));
  CHECK_FALSE(selection.gpus[0].selected);
  CHECK_FALSE(selection.gpus[0].eligible());
  CHECK(selection.gpus[1].selected);
  CHECK(selection.gpus[1].eligible());
}

TEST_CASE("A second display function in the card's slot is the same card") {
  const auto facts = desktop().with(Function("01:00.2", "10de:1d02", 0x038000).group(1)).facts();
  const auto selection = select(facts, {});
  CHECK(selection.refusals.empty());
  CHECK(selection.functions == at_all({"01:00.0", "01:00.1", "01:00.2"}));
  CHECK(selection.cards.size() == 1);
}

TEST_CASE("Without a name nobody is taken where several could be") {
  const auto selection = select(two_cards().facts(), {});
  CHECK(selection.functions.empty());
  CHECK(selection.cards.empty());
  REQUIRE(codes(selection.refusals) == Codes{RefusalCode::ambiguous});
  CHECK(selection.refusals[0].devices == at_all({"01:00.0", "02:00.0"}));
  CHECK(text_of(selection.refusals[0].remedy) ==
        "Run one of these commands:\n"
        "  vfio-switch enable --device 0000:01:00.0\n"
        "  vfio-switch enable --device 0000:02:00.0\n");
}

TEST_CASE("Without a name a card is taken only if it is known which GPU boots") {
  struct Row {
    std::string what;
    FactsBuilder machine;
    std::vector<PciAddress> functions;
    Codes refused;
  };
  const auto card = at_all({"01:00.0", "01:00.1"});
  const auto is_other_display = [](PciDevice& device) { device.device_class = {0x038000}; };
  const Row rows[] = {
      {"the host's GPU says so", boots(true, false), card, {}},
      {"the host's GPU says so, and the card nothing", boots(true, {}), card, {}},
      {"the host's GPU is no VGA device, and says so",
       boots(true, false).change("00:02.0", is_other_display),
       card,
       {}},
      {"a management controller's display says so",
       boots(false, false).with(vga("05:00.0", "1a03:2000").driver("ast").boots()),
       card,
       {}},
      {"each says that it does not", boots(false, false), {}, {RefusalCode::boot_gpu}},
      {"none says anything", boots({}, {}), {}, {RefusalCode::boot_gpu}},
      {"the card says that it does not, the host's GPU nothing",
       boots({}, false).change("00:02.0", is_other_display),
       {},
       {RefusalCode::boot_gpu}},
      {"the only GPU: that is reason enough",
       boots({}, {}).without("00:02.0"),
       {},
       {RefusalCode::only_gpu}},
      {"several cards: one has to be named all the same",
       boots({}, {}).with(vga("02:00.0", "10de:2d04").driver("nouveau")),
       {},
       {RefusalCode::ambiguous}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto selection = select(row.machine.facts(), {});
    CHECK(selection.functions == row.functions);
    CHECK(codes(selection.refusals) == row.refused);
    CHECK(selection.cards.size() == (row.functions.empty() ? 0U : 1U));
  }
}

TEST_CASE("A card that is named or kept is taken without knowing which GPU boots") {
  const auto facts = boots({}, {}).facts();
  const auto refused = select(facts, {});
  REQUIRE(refused.refusals.size() == 1);
  CHECK(text_of(refused.refusals[0]) ==
        "it is not known which GPU drives the boot display, so 0000:01:00.0 is chosen only if it "
        "is named (--device, or device= in the settings)");
  CHECK(text_of(refused.refusals[0].remedy) ==
        "Run:\n  vfio-switch enable --device 0000:01:00.0\n");
  CHECK(refused.refusals[0].devices == at_all({"01:00.0"}));
  CHECK(find_candidate(refused, "01:00.0")->eligible());
  for (const auto& request : {named({at("01:00.0")}), kept({gt1030_at("01:00.0")})}) {
    const auto selection = select(facts, request);
    CHECK(selection.refusals.empty());
    CHECK(selection.functions == at_all({"01:00.0", "01:00.1"}));
  }
}

TEST_CASE("Without a name nobody is taken where none is eligible, and each GPU says why") {
  SECTION("none at all") {
    const auto selection = select(FactsBuilder().with(network("01:00.0", "8086:15b8")).facts(), {});
    CHECK(codes(selection.refusals) == Codes{RefusalCode::no_gpu});
    CHECK(selection.gpus.empty());
  }
  SECTION("an integrated one alone") {
    const auto selection = select(desktop().without("01:00.0").without("01:00.1").facts(), {});
    CHECK(codes(selection.refusals) ==
          Codes{RefusalCode::integrated, RefusalCode::only_gpu, RefusalCode::boot_gpu});
  }
  SECTION("the IOMMU is off: said once, for all") {
    const auto selection = select(two_cards().iommu_off(IommuTable::none).facts(), {});
    const auto* off = test::find_refusal(selection.refusals, RefusalCode::iommu_off);
    REQUIRE(off != nullptr);
    CHECK(off->devices == at_all({"00:02.0", "01:00.0", "02:00.0"}));
    CHECK(std::ranges::count(selection.refusals, RefusalCode::iommu_off, &Refusal::code) == 1);
  }
  SECTION("a management controller's display and a virtual function") {
    const auto facts = FactsBuilder()
                           .with(vga("05:00.0", "1a03:2000").driver("ast").boots())
                           .with(vga("01:00.4", "10de:2235").virtual_function())
                           .facts();
    CHECK(codes(select(facts, {}).refusals) ==
          Codes{RefusalCode::virtual_function, RefusalCode::host_display});
  }
}

TEST_CASE("Of cards that are not eligible, the one with the fewest reasons is spoken of first") {
  const auto facts = desktop().with(network("03:00.0", "8086:15b8").group(1)).facts();
  const auto selection = select(facts, {});
  REQUIRE(selection.refusals.size() > 1);
  CHECK(selection.refusals[0].code() == RefusalCode::group_shared);
  CHECK(selection.gpus[0].gpu == at("00:02.0"));  // the list stays in order
}

TEST_CASE("A card is named in several ways") {
  struct Row {
    std::string what;
    DeviceSpec spec;
    std::vector<PciAddress> functions;
    Codes refused;
  };
  const auto second = at_all({"02:00.0", "02:00.1"});
  const Row rows[] = {
      {"by the address of its GPU", at("02:00.0"), second, {}},
      {"by the address of a companion", at("02:00.1"), second, {}},
      {"by the ids of its GPU", id("10de:2d04"), second, {}},
      {"by the ids of a companion", id("10de:22eb"), second, {}},
      {"by an address where nothing is", at("03:00.0"), {}, {RefusalCode::not_found}},
      {"by the address of a device that is no card", at("00:1f.3"), {}, {RefusalCode::not_found}},
      {"by the same address in another domain", at("0001:02:00.0"), {}, {RefusalCode::not_found}},
      {"by ids that nothing has", id("10de:ffff"), {}, {RefusalCode::not_found}},
      {"by ids of a device that is no card", id("8086:7ad0"), {}, {RefusalCode::not_found}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto selection = select(two_cards().facts(), named({row.spec}));
    CHECK(selection.functions == row.functions);
    CHECK(codes(selection.refusals) == row.refused);
  }
}

TEST_CASE("Ids that several cards have are ambiguous, and the cards are listed") {
  for (const auto* const spec : {"10de:1d01", "10de:0fb8"}) {
    INFO(spec);
    const auto selection = select(twins().facts(), named({id(spec)}));
    CHECK(selection.functions.empty());
    REQUIRE(codes(selection.refusals) == Codes{RefusalCode::ambiguous});
    CHECK(selection.refusals[0].devices == at_all({"01:00.0", "02:00.0"}));
  }
}

TEST_CASE("Several cards can be named, each once") {
  const auto facts = two_cards().facts();
  SECTION("two cards") {
    const auto selection = select(facts, named({at("02:00.0"), at("01:00.0")}));
    CHECK(selection.refusals.empty());
    CHECK(selection.functions == at_all({"01:00.0", "01:00.1", "02:00.0", "02:00.1"}));
    CHECK(selection.cards.size() == 2);
  }
  SECTION("one card, named twice") {
    const auto selection = select(facts, named({at("02:00.0"), id("10de:22eb")}));
    CHECK(selection.refusals.empty());
    CHECK(selection.functions == at_all({"02:00.0", "02:00.1"}));
    CHECK(selection.cards.size() == 1);
  }
  SECTION("a card, and one that is not there") {
    const auto selection = select(facts, named({at("02:00.0"), at("09:00.0")}));
    CHECK(codes(selection.refusals) == Codes{RefusalCode::not_found});
  }
  SECTION("identical cards may go together, or one of them") {
    CHECK(select(twins().facts(), named({at("01:00.0"), at("02:00.0")})).refusals.empty());
    const auto one = select(twins().facts(), named({at("01:00.0")}));
    CHECK(one.refusals.empty());
    CHECK(one.functions == at_all({"01:00.0", "01:00.1"}));
  }
  SECTION("every GPU: the host would have none") {
    const auto selection = select(facts, named({at("00:02.0"), at("01:00.0"), at("02:00.0")}));
    CHECK(test::find_refusal(selection.refusals, RefusalCode::only_gpu) != nullptr);
  }
}

TEST_CASE("A named card is refused for the reasons that no flag covers") {
  const auto facts = desktop().with(network("03:00.0", "8086:15b8").group(1)).facts();
  const auto selection =
      select(facts, named({at("01:00.0")}, {RefusalCode::boot_gpu, RefusalCode::display_in_use}));
  CHECK(codes(selection.refusals) == Codes{RefusalCode::group_shared});
}

TEST_CASE("An integrated GPU is taken only by name") {
  const auto facts = desktop()
                         .change("00:02.0",
                                 [](PciDevice& d) {
                                   d.boot_vga = false;
                                   d.connectors.clear();
                                 })
                         .change("01:00.0", [](PciDevice& d) { d.boot_vga = true; })
                         .facts();
  CHECK(codes(select(facts, {}).refusals) == Codes{RefusalCode::integrated, RefusalCode::boot_gpu});
  const auto selection = select(facts, named({at("00:02.0")}));
  CHECK(selection.refusals.empty());
  CHECK(selection.functions == at_all({"00:02.0"}));
}

TEST_CASE("A flag accepts the risk that it names, of a named card or of the one that is left") {
  const auto only =
      desktop().without("00:02.0").change("01:00.0", [](PciDevice& d) { d.boot_vga = true; });
  struct Row {
    std::string what;
    SelectionRequest request;
    Codes refused;
  };
  const Row rows[] = {
      {"no flag", named({at("01:00.0")}), {RefusalCode::only_gpu, RefusalCode::boot_gpu}},
      {"--allow-boot-gpu covers the only GPU too",
       named({at("01:00.0")}, {RefusalCode::boot_gpu}),
       {}},
      {"--allow-display-in-use covers neither",
       named({at("01:00.0")}, {RefusalCode::display_in_use}),
       {RefusalCode::only_gpu, RefusalCode::boot_gpu}},
      {"--allow-boot-gpu without a name", {{}, {}, {RefusalCode::boot_gpu}}, {}},
      {"--allow-display-in-use without a name",
       {{}, {}, {RefusalCode::display_in_use}},
       {RefusalCode::only_gpu, RefusalCode::boot_gpu}},
      {"a kept choice with its accepted risk",
       {{}, {gt1030_at("01:00.0")}, {RefusalCode::boot_gpu}},
       {}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(codes(select(only.facts(), row.request).refusals) == row.refused);
  }

  const auto in_use = desktop()
                          .change("00:02.0", [](PciDevice& d) { d.connectors.clear(); })
                          .change("01:00.0", [](PciDevice& d) { d.connectors = {{"DP-1", true}}; })
                          .facts();
  CHECK(codes(select(in_use, named({at("01:00.0")})).refusals) ==
        Codes{RefusalCode::display_in_use});
  CHECK(codes(select(in_use, named({at("01:00.0")}, {RefusalCode::boot_gpu})).refusals) ==
        Codes{RefusalCode::display_in_use});
  CHECK(select(in_use, named({at("01:00.0")}, {RefusalCode::display_in_use})).refusals.empty());
}

TEST_CASE("A flag takes no card while one needs none, none of two, and no integrated GPU") {
  const auto boots_on_card = [](FactsBuilder machine) {
    return machine.change("00:02.0", [](PciDevice& d) { d.boot_vga = false; })
        .change("01:00.0", [](PciDevice& d) { d.boot_vga = true; });
  };
  const SelectionRequest request{{}, {}, {RefusalCode::boot_gpu, RefusalCode::display_in_use}};
  CHECK(select(boots_on_card(two_cards()).facts(), request).functions ==
        at_all({"02:00.0", "02:00.1"}));
  const auto both = two_cards()
                        .change("01:00.0", [](PciDevice& d) { d.connectors = {{"DP-1", true}}; })
                        .change("02:00.0", [](PciDevice& d) { d.connectors = {{"DP-2", true}}; });
  CHECK(codes(select(FactsBuilder(both).facts(), request).refusals) ==
        Codes{RefusalCode::ambiguous});
  const auto integrated = desktop().without("01:00.0").without("01:00.1").facts();
  CHECK(select(integrated, request).functions.empty());
}

TEST_CASE("A kept choice is followed to where the card sits now") {
  SECTION("it has not moved") {
    const auto selection = select(two_cards().facts(), kept({gt1030_at("01:00.0")}));
    CHECK(selection.refusals.empty());
    CHECK(selection.notes.empty());
    CHECK(selection.functions == at_all({"01:00.0", "01:00.1"}));
  }
  SECTION("it moved, and another card sits where it was") {
    const auto selection = select(two_cards().facts(), kept({gt1030_at("02:00.0")}));
    CHECK(selection.refusals.empty());
    CHECK(selection.functions == at_all({"01:00.0", "01:00.1"}));
    REQUIRE(selection.cards.size() == 1);
    CHECK(selection.cards[0].address == at("01:00.0"));
    REQUIRE(selection.notes.size() == 1);
    CHECK(text_of(selection.notes[0]) ==
          "the card 10de:1d01 moved from 0000:02:00.0 to 0000:01:00.0");
  }
  SECTION("it is gone: nobody is taken in its place") {
    const auto facts = two_cards().without("01:00.0").without("01:00.1").facts();
    const auto selection = select(facts, kept({gt1030_at("01:00.0")}));
    CHECK(selection.functions.empty());
    CHECK(codes(selection.refusals) == Codes{RefusalCode::not_found});
  }
  SECTION("a card of another maker or class is not it") {
    for (const auto& change : std::vector<std::function<void(PciDevice&)>>{
             [](PciDevice& d) { d.subsystem = id("1458:376d"); },
             [](PciDevice& d) { d.device_class = {0x030200}; },
             [](PciDevice& d) { d.id = id("10de:1d02"); }}) {
      const auto selection =
          select(desktop().change("01:00.0", change).facts(), kept({gt1030_at("01:00.0")}));
      CHECK(selection.functions.empty());
      CHECK(codes(selection.refusals) == Codes{RefusalCode::not_found});
    }
  }
  SECTION("a name replaces it") {
    const auto selection =
        select(two_cards().facts(), {{at("02:00.0")}, {gt1030_at("01:00.0")}, {}});
    CHECK(selection.functions == at_all({"02:00.0", "02:00.1"}));
  }
}

TEST_CASE("A kept choice that could be either of two cards is nobody") {
  const auto selection = select(twins().facts(), kept({gt1030_at("09:00.0")}));
  CHECK(selection.functions.empty());
  CHECK(codes(selection.refusals) == Codes{RefusalCode::ambiguous});
}

TEST_CASE("Of two kept twins, the one that was taken out is not found in the other") {
  const auto selection =
      select(desktop().facts(), kept({gt1030_at("01:00.0"), gt1030_at("02:00.0")}));
  CHECK(selection.notes.empty());
  CHECK(selection.cards.size() == 1);
  CHECK(codes(selection.refusals) == Codes{RefusalCode::not_found});
}

}  // namespace vfio_switch
