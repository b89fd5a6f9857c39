// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cards/extra_devices.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/cards/card.h"
#include "core/cards/selection.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::at_all;
using test::codes;
using test::desktop;
using test::enable;
using test::FactsBuilder;
using test::find_refusal;
using test::Function;
using test::has_text;
using test::id;
using test::network;
using test::text_of;
using test::usb;
using test::vga;
using test::written;

namespace {

using Codes = std::vector<RefusalCode>;
using enum HostUse::Kind;

Function disks(std::string_view address, std::string_view id) {
  return {address, id, 0x010802};
}

/// The desktop with what may go with its card, each in a group of its own.
FactsBuilder machine() {
  return desktop()
      .with(usb("00:14.0", "8086:a2af").driver("xhci_hcd", "xhci_pci"))
      .with(network("03:00.0", "8086:1539").driver("igb"))
      .with(disks("05:00.0", "15b7:5009").driver("nvme"))
      .with(usb("06:00.0", "1b21:1042").driver("xhci_hcd", "xhci_pci"));
}

FactsBuilder with_use(std::string_view address, const HostUse& use) {
  return machine().change(address, [&](PciDevice& device) { device.uses.push_back(use); });
}

SelectionRequest with(std::vector<DeviceSpec> specs) {
  SelectionRequest request;
  request.extra.named = std::move(specs);
  return request;
}

SelectionRequest keeping(const std::vector<CardIdentity>& kept) {
  SelectionRequest request;
  request.extra.kept = kept;
  return request;
}

CardIdentity network_at(std::string_view address) {
  return {at(address), id("8086:1539"), {}, {0x020000}};
}

const std::vector card = at_all({"01:00.0", "01:00.1"});

}  // namespace

TEST_CASE("What is added goes with the card") {
  const auto selection = select(machine().facts(), with({at("03:00.0"), id("1b21:1042")}));
  CHECK(selection.refusals.empty());
  CHECK(selection.functions == at_all({"01:00.0", "01:00.1", "03:00.0", "06:00.0"}));
  REQUIRE(selection.cards.size() == 1);
  REQUIRE(selection.extra_devices.size() == 2);
  CHECK((selection.extra_devices[0] == network_at("03:00.0")));
  CHECK(selection.extra_devices[1].address == at("06:00.0"));
}

TEST_CASE("What is added twice, or is of the card, is added once and not at all") {
  const auto spec = std::vector<DeviceSpec>{at("03:00.0"), id("8086:1539"), at("01:00.1")};
  const auto selection = select(machine().facts(), with(spec));
  CHECK(selection.refusals.empty());
  CHECK(selection.extra_devices.size() == 1);
  CHECK(selection.functions == at_all({"01:00.0", "01:00.1", "03:00.0"}));
}

TEST_CASE("What cannot be added is refused by its name") {
  struct Row {
    std::string what;
    FactsBuilder machine;
    DeviceSpec spec;
    RefusalCode code;
    std::string says;
  };
  const Row rows[] = {
      {"nothing there", machine(), at("09:00.0"), RefusalCode::not_found, "0000:09:00.0"},
      {"a display", machine(), at("00:02.0"), RefusalCode::not_found,
       "enable --device 0000:00:02.0"},
      {"a management controller's display", machine().with(vga("07:00.0", "1a03:2000")),
       at("07:00.0"), RefusalCode::host_display, "management controller"},
      {"a bridge", machine().with(test::bridge("00:1c.0", "8086:a290")), at("00:1c.0"),
       RefusalCode::not_found, "is not a device"},
      {"the system's own", machine().with(Function("00:1f.4", "8086:a2a3", 0x0c0500)),
       at("00:1f.4"), RefusalCode::not_found, "vfio-switch devices --all"},
      {"a way to PCI functions of its own",
       machine().with(disks("10:00.0", "15b7:5011").behind({"05:00.0"})), at("05:00.0"),
       RefusalCode::not_found, "is not a device"},
      {"a virtual function", machine().with(network("03:10.0", "8086:1520").virtual_function()),
       at("03:10.0"), RefusalCode::virtual_function,
       "is an SR-IOV virtual function, which exists only while its driver has it"},
      {"several", machine().with(network("04:00.0", "8086:1539")), id("8086:1539"),
       RefusalCode::ambiguous, "--add-device 0000:04:00.0"},
      {"no group", machine().change("03:00.0", [](PciDevice& d) { d.iommu_group = {}; }),
       at("03:00.0"), RefusalCode::iommu_off, "in no IOMMU group"},
      {"mounted", with_use("05:00.0", {mounted, "nvme0n1p2", "/"}), at("05:00.0"),
       RefusalCode::in_use, "the host uses 0000:05:00.0: disk nvme0n1p2 is mounted at /"},
      {"in fstab", with_use("05:00.0", {listed, "nvme0n1p2", "/data"}), at("05:00.0"),
       RefusalCode::in_use, "remove its line from /etc/fstab"},
      {"swap", with_use("05:00.0", {swap, "nvme0n1p3"}), at("05:00.0"), RefusalCode::in_use,
       "swaps to disk nvme0n1p3"},
      {"assembled", with_use("05:00.0", {assembled, "nvme0n1p3", "md127"}), at("05:00.0"),
       RefusalCode::in_use, "disk nvme0n1p3 is part of md127"},
      {"not known", with_use("05:00.0", {unknown, "nvme0n1"}), at("05:00.0"), RefusalCode::in_use,
       "not known what the host uses disk nvme0n1 for"},
      {"a stick", with_use("06:00.0", {mounted, "sdb1", "/media"}), at("06:00.0"),
       RefusalCode::in_use, "disk sdb1 is mounted at /media"},
      {"default route", with_use("03:00.0", {route, "enp3s0"}), at("03:00.0"), RefusalCode::in_use,
       "the default route leads through enp3s0"},
      {"keyboard", machine().change("06:00.0", [](PciDevice& d) { d.keyboard = true; }),
       at("06:00.0"), RefusalCode::in_use, "no keyboard would stay"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto selection = select(row.machine.facts(), with({row.spec}));
    REQUIRE(codes(selection.refusals) == Codes{row.code});
    const auto& refusal = selection.refusals.front();
    CHECK_THAT(text_of(refusal) + "\n" + text_of(refusal.remedy), has_text(row.says));
  }
}

TEST_CASE("A keyboard that stays is enough, and the last one stays") {
  const auto has_keyboard = [](PciDevice& device) { device.keyboard = true; };
  auto facts = machine().change("06:00.0", has_keyboard).change("00:14.0", has_keyboard).facts();
  CHECK(select(facts, with({at("06:00.0")})).refusals.empty());
  const auto both = with({at("06:00.0"), at("00:14.0")});
  CHECK(codes(select(facts, both).refusals) == Codes{RefusalCode::in_use, RefusalCode::in_use});
  facts.keyboard_elsewhere = true;
  CHECK(select(facts, both).refusals.empty());
}

TEST_CASE("A group is given away whole, and the command that does so is named") {
  const auto facts = machine()
                         .change("03:00.0", [](PciDevice& device) { device.iommu_group = 15; })
                         .change("06:00.0", [](PciDevice& device) { device.iommu_group = 15; })
                         .facts();
  const auto refused = select(facts, with({at("03:00.0")}));
  REQUIRE(codes(refused.refusals) == Codes{RefusalCode::group_shared});
  CHECK(refused.refusals[0].devices == at_all({"06:00.0"}));
  CHECK(refused.refusals[0].data.front().key == "device");
  CHECK_THAT(text_of(refused.refusals[0].remedy),
             has_text("vfio-switch enable --device 0000:01:00.0 --add-device 0000:03:00.0 "
                      "--add-device 0000:06:00.0\n"));
  CHECK(select(facts, with({at("03:00.0"), at("06:00.0")})).refusals.empty());
}

TEST_CASE("What shares the card's group may go with it") {
  auto facts =
      machine().change("06:00.0", [](PciDevice& device) { device.iommu_group = 1; }).facts();
  for (auto& device : facts.devices) {
    if (device.address.bus == 1) device.iommu_group = 1;
  }
  CHECK(codes(select(facts, {}).refusals).front() != RefusalCode::ambiguous);
  CHECK(find_refusal(select(facts, {}).refusals, RefusalCode::group_shared) != nullptr);
  const auto selection = select(facts, with({at("06:00.0")}));
  CHECK(selection.refusals.empty());
  CHECK(selection.functions == at_all({"01:00.0", "01:00.1", "06:00.0"}));
}

TEST_CASE("A kept device is followed, and its loss is said") {
  SECTION("where it was") {
    const auto selection = select(machine().facts(), keeping({network_at("03:00.0")}));
    CHECK(selection.refusals.empty());
    CHECK(selection.functions == at_all({"01:00.0", "01:00.1", "03:00.0"}));
  }
  SECTION("elsewhere") {
    const auto selection = select(machine().facts(), keeping({network_at("04:00.0")}));
    CHECK(selection.refusals.empty());
    CHECK((selection.extra_devices == std::vector{network_at("03:00.0")}));
    REQUIRE(selection.notes.size() == 1);
    CHECK_THAT(text_of(selection.notes[0]),
               has_text("chosen with the card, moved from 0000:04:00.0 to 0000:03:00.0"));
  }
  SECTION("gone") {
    const auto facts = machine().without("03:00.0").facts();
    const auto selection = select(facts, keeping({network_at("03:00.0")}));
    REQUIRE(codes(selection.refusals) == Codes{RefusalCode::not_found});
    CHECK_THAT(text_of(selection.refusals[0].remedy), has_text("enable --add-device none"));
  }
  SECTION("gone, beside another") {
    const auto facts = machine().without("03:00.0").facts();
    const auto controller = identity_of(*find_device(facts, at("06:00.0")));
    const auto selection = select(facts, keeping({network_at("03:00.0"), controller}));
    REQUIRE(codes(selection.refusals) == Codes{RefusalCode::not_found});
    CHECK_THAT(text_of(selection.refusals[0].remedy), has_text("enable --add-device 0000:06:00.0"));
  }
  SECTION("several that could be it") {
    const auto facts = machine().with(network("04:00.0", "8086:1539")).facts();
    const auto selection = select(facts, keeping({network_at("08:00.0")}));
    REQUIRE(codes(selection.refusals) == Codes{RefusalCode::ambiguous});
    CHECK_THAT(text_of(selection.refusals[0]),
               has_text("is not at 0000:08:00.0, and several of the same model were found:"));
  }
  SECTION("replaced") {
    auto request = keeping({network_at("03:00.0")});
    request.extra.named = std::vector<DeviceSpec>{};
    CHECK(select(machine().facts(), request).functions == card);
  }
}

TEST_CASE("What the host uses of a standing choice is no reason against it") {
  const auto facts = with_use("03:00.0", {route, "enp3s0"}).facts();
  State state{Intent::enabled, {}, {}, {}, {network_at("03:00.0")}};
  const auto refused = [&](const std::optional<std::vector<DeviceSpec>>& named) {
    SelectionRequest request;
    request.extra = extra_request(named, state);
    return codes(select(facts, request).refusals);
  };
  CHECK(refused({}).empty());
  CHECK(refused(std::vector<DeviceSpec>{at("03:00.0")}).empty());
  state.intent = Intent::disabled;
  CHECK(refused({}) == Codes{RefusalCode::in_use});
}

TEST_CASE("A plan keeps what goes with the card, and binds it as the card") {
  const auto plan = enable(machine().facts(), with({at("03:00.0")}));
  CHECK(plan.refusals.empty());
  CHECK((plan.state.extra_devices == std::vector{network_at("03:00.0")}));
  const auto conf = written(plan, "/etc/modprobe.d/vfio.conf").value_or("");
  CHECK_THAT(conf, has_text("8086:1539"));
}

TEST_CASE("What has the ids of a device that stays is bound by address") {
  const auto twins = machine().with(network("04:00.0", "8086:1539").driver("igb")).facts();
  const auto plan = enable(twins, with({at("03:00.0")}));
  const auto listed = written(plan, "/etc/vfio-switch/override").value_or("");
  CHECK_THAT(listed, has_text("0000:03:00.0"));
  CHECK_FALSE(has_text("0000:04:00.0").match(listed));
}

TEST_CASE("The disks that come back without passthrough are named") {
  auto free = machine().change("05:00.0", [](PciDevice& d) { d.disks = {"nvme0n1"}; });
  const auto plan = enable(free.facts(), with({at("05:00.0")}));
  CHECK(plan.refusals.empty());
  REQUIRE(plan.notes.size() == 1);
  CHECK_THAT(text_of(plan.notes[0]), has_text("the disk nvme0n1 of 0000:05:00.0"));
  const auto two = free.change("05:00.0", [](PciDevice& d) { d.disks.emplace_back("nvme0n2"); });
  CHECK_THAT(text_of(enable(two.facts(), with({at("05:00.0")})).notes.at(0)),
             has_text("the disks nvme0n1 and nvme0n2 of"));
  CHECK(enable(machine().facts(), with({at("05:00.0")})).notes.empty());
}

TEST_CASE("The candidates are what could go with the card, with why not") {
  const auto facts = with_use("05:00.0", {mounted, "nvme0n1p2", "/"}).facts();
  const auto request = with({at("03:00.0")});
  const auto candidates = extra_candidates(facts, request, select(facts, request));
  std::vector<std::string> told;
  for (const auto& one : candidates) {
    told.push_back(one.address.str() + (one.selected ? " selected" : "") +
                   (one.refusals.empty() ? " free" : " refused"));
  }
  CHECK(told == std::vector<std::string>{"0000:00:14.0 free", "0000:00:1f.3 free",
                                         "0000:03:00.0 selected free", "0000:05:00.0 refused",
                                         "0000:06:00.0 free"});
}

}  // namespace vfio_switch
