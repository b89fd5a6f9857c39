// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/contest.h"

#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/binding/evidence.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::desktop_kernel;
using test::has_text;
using test::some_reason;
using test::text_of;

namespace {

using Words = std::vector<std::string>;

const Claim claim{std::string(desktop_kernel), at("01:00.0"), {"nouveau"}, {}, {}};

PciDevice the_card() {
  PciDevice device;
  device.address = at("01:00.0");
  device.id = {0x10de, 0x1d01};
  return device;
}

const PciDevice card = the_card();

LoadStep in_order(std::vector<LoadRequest> requests) {
  return {true, std::move(requests)};
}
LoadStep at_once(std::vector<LoadRequest> requests) {
  return {false, std::move(requests)};
}

/// What the real root alone does: vfio-pci first.
Contest real_root() {
  Contest contest;
  contest.device = card;
  contest.claim = claim;
  contest.in_root.by_id = true;
  contest.steps = {
      {false, {{{"vfio_pci_core", "vfio_pci", "nouveau"}, {}, card.address}}, Stage::root}};
  return contest;
}

LoadOrder after(const std::vector<LoadStep>& steps, Bound bound, Contest root = real_root()) {
  return decide(after_image(std::move(root), {steps, std::move(bound)}));
}

LoadOrder both(const std::vector<LoadStep>& steps, bool binds) {
  return after(steps, {.by_id = binds});
}

}  // namespace

TEST_CASE("The ids of a list count where it is the first to load vfio-pci") {
  const Place list{"/conf/modules", 3};
  LoadRequest given{{"vfio_pci_core", "vfio_pci"}, {}, list};
  given.ids = VfioIds::parse("10de:1d01");
  LoadRequest others = given;
  others.ids = VfioIds::parse("10de:2d04");
  const LoadRequest softdep{{"vfio_pci", "nouveau"}, {}};
  const auto taken = both({in_order({given})}, false);
  CHECK(taken.winner == "vfio-pci");
  CHECK(taken.reason == Reason(ReasonCause::list_gives_ids, {{"place", list}}));
  // vfio.conf's ids come too late: the module is loaded, and keeps those of the list.
  const auto lost = both({in_order({others})}, true);
  CHECK(lost.winner == "nouveau");
  CHECK(lost.reason == Reason(ReasonCause::list_lacks_ids, {{"place", list}}));
  CHECK(both({in_order({softdep, others})}, true).winner == "vfio-pci");
  // By address the ids of the list make no difference.
  const auto bound = after({in_order({others})}, {.by_address = true});
  CHECK(bound.winner == "vfio-pci");
  CHECK_FALSE(bound.reason);
}

TEST_CASE("Who takes a function in an image") {
  struct Row {
    std::string what;
    std::vector<LoadStep> steps;
    bool binds;
    std::optional<std::string> winner;  ///< nothing: the image leaves it alone
  };
  const LoadRequest vfio{{"vfio_pci_core", "vfio_pci"}, {}};
  const LoadRequest native{{"drm", "nouveau"}, {}};
  const LoadRequest softdep{{"vfio_pci", "nouveau"}, {}};
  const LoadRequest other{{"ext4"}, {}};
  const Row rows[] = {
      {"an empty image", {}, true, std::nullopt},
      {"nothing of interest", {in_order({other}), at_once({other})}, true, std::nullopt},
      {"vfio-pci alone", {in_order({other, vfio})}, true, "vfio-pci"},
      {"vfio-pci without ids", {in_order({vfio})}, false, std::nullopt},
      {"vfio-pci without ids, then the driver", {in_order({vfio, native})}, false, "nouveau"},
      {"a list, vfio-pci first", {in_order({vfio, native})}, true, "vfio-pci"},
      {"a list, the driver first", {in_order({native, vfio})}, true, "nouveau"},
      {"at once: the worst counts", {at_once({vfio, native})}, true, "nouveau"},
      {"at once, the other way round", {at_once({native, vfio})}, true, "nouveau"},
      {"at once, but each by the softdep", {at_once({vfio, softdep})}, true, "vfio-pci"},
      {"coldplug before the list (initramfs-tools)",
       {at_once({native}), in_order({vfio})},
       true,
       "nouveau"},
      {"the list before coldplug (dracut)",
       {in_order({vfio}), at_once({native})},
       true,
       "vfio-pci"},
      {"a list with ids, coldplug by softdep",
       {at_once({softdep}), in_order({native})},
       true,
       "vfio-pci"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const auto order = both(row.steps, row.binds);
    CHECK((order.stage == Stage::image) == row.winner.has_value());
    if (row.winner) CHECK(order.winner == row.winner);
  }
}

TEST_CASE("What the image does counts before the real root") {
  const LoadRequest vfio{{"vfio_pci_core", "vfio_pci"}, {}};
  SECTION("it leaves the function alone: the real root decides") {
    CHECK((both({at_once({{{"ext4"}, {}}})}, true).winner == "vfio-pci"));
    CHECK((both({at_once({{{"ext4"}, {}}})}, true).stage == Stage::root));
  }
  SECTION("vfio-pci takes it there") {
    const auto order = both({in_order({vfio})}, true);
    CHECK(order.winner == "vfio-pci");
    CHECK((order.stage == Stage::image));
    CHECK(order.proved);
    CHECK(order.modules == Words{"vfio_pci_core", "vfio_pci", "nouveau"});
  }
  SECTION("the driver takes it there, whatever the real root would do") {
    const auto order = both({at_once({{{"drm", "nouveau"}, {}}})}, true);
    CHECK(order.winner == "nouveau");
    CHECK((order.stage == Stage::image));
    CHECK_THAT(text_of(order.reason),
               has_text("nouveau is loaded in the initramfs before vfio-pci"));
    CHECK(order.modules == Words{"drm", "nouveau", "vfio_pci_core", "vfio_pci"});
  }
  SECTION("vfio-pci is there already without ids: the real root's softdep does nothing") {
    const auto order = both({in_order({vfio})}, false);
    CHECK(order.winner == "nouveau");
    CHECK((order.stage == Stage::root));
    CHECK_THAT(text_of(order.reason), has_text("lacks the configuration that binds the card"));
  }
  SECTION("what cannot be followed there is not proved") {
    const auto order = both({in_order({{{}, some_reason("not understood")}})}, true);
    CHECK_FALSE(order.proved);
    CHECK_THAT(text_of(order.reason), has_text("not understood"));
  }
  SECTION("a built-in driver has it before any image") {
    auto root = real_root();
    root.claim.built_in = {"nouveau"};
    const auto order = after({in_order({vfio})}, {.by_id = true}, root);
    CHECK(order.winner == "nouveau");
    CHECK(order.reason == Reason(ReasonCause::driver_built_in, {{"driver", Word{"nouveau"}}}));
    // The bind script takes it away again, there or in the real root.
    const auto taken = after({in_order({vfio})}, {.by_address = true}, root);
    CHECK(taken.winner == "vfio-pci");
    CHECK((taken.stage == Stage::image));
    root.in_root.by_address = true;
    const auto late = after({}, {}, root);
    CHECK(late.winner == "vfio-pci");
    CHECK((late.stage == Stage::root));
  }
}

TEST_CASE("The chain names what led to the driver, in its order") {
  const auto chain_of = [](const LoadOrder& order) {
    std::vector<std::string> lines;
    for (const auto& link : order.chain) lines.push_back(text_of(link));
    return lines;
  };
  const Reason softdep(
      ReasonCause::softdep_before,
      {{"place", Place{"/etc/modprobe.d/vfio.conf", 3}}, {"module", Word{"nouveau"}}});
  auto root = real_root();
  root.in_root.giver =
      Reason(ReasonCause::file_gives_ids, {{"place", Place{"/etc/modprobe.d/vfio.conf", 2}}});
  root.steps[0].requests[0].order = {softdep};
  CHECK(chain_of(decide(root)) ==
        Words{"udev loads vfio_pci and nouveau for it, in this order",
              "/etc/modprobe.d/vfio.conf:3 has vfio-pci loaded before nouveau",
              "/etc/modprobe.d/vfio.conf:2 gives it to vfio-pci"});
  // What comes after the answer is no part of it.
  const LoadStep lists = in_order({{{"ext4"}, {}, Place{"/conf/modules", 1}},
                                   {{"drm", "nouveau"}, {}, Place{"/conf/modules", 2}}});
  CHECK(chain_of(after({lists}, {}, root)) ==
        Words{"/conf/modules:2 loads nouveau in the initramfs"});
  const LoadStep words = in_order({{{"vfio_pci", "nouveau"}, {}, Place{"/proc/cmdline"}}});
  CHECK(
      chain_of(after({words}, {}, root)) ==
      Words{"the kernel command line loads vfio_pci and nouveau in the initramfs, in this order"});
  // Of several devices whose drivers do the same, this one is enough.
  auto several = root;
  several.steps[0].requests.push_back({{"vfio_pci", "nouveau"}, {}, at("02:00.0")});
  CHECK(chain_of(decide(several)) == chain_of(decide(root)));
  several.steps[0].requests.push_back({{"nouveau"}, {}, at("03:00.0")});
  CHECK(chain_of(decide(several)).back() == "udev loads nouveau for 0000:03:00.0");
  // For another device, and with a driver that is built in.
  root.claim.built_in = {"efifb"};
  root.steps[0].requests[0].requester = at("02:00.0");
  CHECK(chain_of(decide(root)) == Words{"efifb is built into this kernel"});
  root.in_root.by_address = true;
  CHECK(chain_of(decide(root)) ==
        Words{"efifb is built into this kernel",
              "udev loads vfio_pci and nouveau for 0000:02:00.0, in this order",
              "/etc/modprobe.d/vfio.conf:3 has vfio-pci loaded before nouveau",
              "/etc/modprobe.d/vfio.conf:2 gives it to vfio-pci"});
}

TEST_CASE("A softdep counts where it is the first that fits") {
  const auto directives =
      parse_modprobe(ModprobeFile{"/etc/modprobe.d/a.conf",
                                  "softdep nouveau pre: vfio-pci\nsoftdep nvidia post: vfio-pci\n"
                                  "softdep nvidia pre: vfio-pci\n"});
  const auto lines = why_vfio_first(directives, {"drm", "vfio_pci", "nvidia", "nouveau"});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] ==
        Reason(ReasonCause::softdep_before,
               {{"place", Place{"/etc/modprobe.d/a.conf", 1}}, {"module", Word{"nouveau"}}}));
  // What is loaded before it owes it nothing.
  CHECK(why_vfio_first(directives, {"nouveau", "vfio_pci"}).empty());
  CHECK(why_vfio_first(directives, {"nouveau"}).empty());
}

}  // namespace vfio_switch
