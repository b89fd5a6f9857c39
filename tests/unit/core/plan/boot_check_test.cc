// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/boot_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "core/plan/status.h"
#include "core/tell/boot_text.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::audio;
using test::desktop;
using test::desktop_kernel;
using test::FactsBuilder;
using test::has_text;
using test::plain;
using test::some_reason;
using test::text_of;
using test::vga;

namespace {

/// The desktop after a boot in which `gpu` and `sound` have the card, and what status says of it.
struct Boot {
  SystemFacts facts;
  State state{Intent::enabled, {{at("01:00.0"), test::id("10de:1d01"), {}, {0x030000}}}, {}};
  Status status;
  Settings settings;
  BootObservation seen{"id", "2026-11-22T12:00:00Z", true, 0, {}};

  explicit Boot(const std::string& gpu = "vfio-pci", const std::string& sound = "vfio-pci",
                FactsBuilder builder = desktop(), const std::string& command_line = "ro") {
    const auto bind = [](const std::string& driver) {
      return [driver](PciDevice& device) { device.driver = device.driver_module = driver; };
    };
    facts = builder.change("01:00.0", bind(gpu))
                .change("01:00.1", bind(sound))
                .command_line(command_line)
                .facts();
    facts.running_kernel = desktop_kernel;
    std::vector<LoadOrder> orders;
    for (const auto* address : {"01:00.0", "01:00.1"}) {
      LoadOrder order;
      order.kernel = desktop_kernel;
      order.device = at(address);
      order.winner = "vfio-pci";
      order.proved = true;
      orders.push_back(order);
    }
    Plan plan;
    plan.functions = {at("01:00.0"), at("01:00.1")};
    status = make_status(facts, plan, Intent::enabled, {}, orders);
  }

  [[nodiscard]] BootRecord judge() const {
    return judge_boot(facts, state, status, settings, seen);
  }

  [[nodiscard]] bool disables() const { return should_disable(judge(), state, settings); }
};

std::vector<std::string> codes(const BootRecord& record) {
  std::vector<std::string> found;
  for (const auto& finding : record.findings) found.emplace_back(finding.code());
  return found;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("A boot in which vfio-pci has the card is good") {
  const auto record = Boot().judge();
  CHECK(record.good());
  CHECK(record.findings.empty());
  REQUIRE(record.drivers.size() == 2);
  CHECK(record.drivers[0] == BootDriver{at("01:00.0"), "vfio-pci", "vfio-pci"});
  CHECK(boot_warning(record, false).empty());
}

TEST_CASE("A variant of vfio-pci is as good") {
  Boot boot("xe-vfio-pci", "mlx5_vfio_pci");
  CHECK(boot.judge().findings.empty());
  CHECK(std::ranges::all_of(boot.status.devices, &DeviceStatus::active));
  CHECK_FALSE(Boot("vfio-pci-helper").judge().findings.empty());
}

TEST_CASE("A function with another driver than the expected one is a warning") {
  const auto record = Boot("nouveau").judge();
  CHECK_FALSE(record.good());
  CHECK(codes(record) == Codes{"not-as-expected"});
  CHECK(record.findings[0].devices == std::vector{at("01:00.0")});
  CHECK(text_of(record.findings[0]) == "0000:01:00.0 is bound to nouveau; expected vfio-pci");
  const auto warning = boot_warning(record, false);
  CHECK_THAT(warning, has_text("vfio-pci.ids="));
  CHECK(boot_warning(record, true).find("vfio-pci.ids=") == std::string::npos);
}

TEST_CASE("What the command line says against it is named") {
  const auto record =
      Boot("nouveau", "snd_hda_intel", desktop(), "ro module_blacklist=vfio_pci").judge();
  CHECK(codes(record) == Codes{"not-as-expected", "not-as-expected"});
  CHECK(text_of(record.findings[0]) ==
        "0000:01:00.0 is bound to nouveau; expected vfio-pci (module_blacklist=vfio_pci on the "
        "kernel command line forbids vfio-pci)");
}

TEST_CASE("A boot that was asked to leave the card with the host is noted, and good") {
  const auto record = Boot("nouveau", "snd_hda_intel", desktop(), "ro vfio-pci.ids=").judge();
  CHECK(record.good());
  CHECK(codes(record) == Codes{"escape"});
}

TEST_CASE("A kernel for which the host was expected is no surprise, and still said") {
  Boot boot("nouveau");
  boot.status.load_order[0].winner = "nouveau";
  boot.status.load_order[0].reason = some_reason();
  const auto record = boot.judge();
  CHECK(codes(record) == Codes{"not-staged"});
  CHECK(text_of(record.findings[0]) == "0000:01:00.0 is bound to nouveau, as expected for kernel " +
                                           std::string(desktop_kernel) + ": because");
}

TEST_CASE("A device with the card's ids that is not the card is found on vfio-pci") {
  auto stranger = vga("05:00.0", "10de:1d01");
  stranger.driver("vfio-pci", "vfio_pci");
  const auto record = Boot("vfio-pci", "vfio-pci", desktop().with(stranger)).judge();
  CHECK(codes(record) == Codes{"foreign-device"});
  CHECK(record.findings[0].devices == std::vector{at("05:00.0")});
  auto other = vga("05:00.0", "1002:73bf");  // somebody's own business
  other.driver("vfio-pci", "vfio_pci");
  CHECK(Boot("vfio-pci", "vfio-pci", desktop().with(other)).judge().good());
}

TEST_CASE("An id that only the configuration gives to vfio-pci is found as well") {
  auto stranger = vga("05:00.0", "1002:73bf");
  stranger.driver("vfio-pci", "vfio_pci");
  const auto judged = [&](const std::string& ids) {
    auto builder = desktop().with(stranger).modprobe(
        "/etc/modprobe.d/vfio.conf", "options vfio-pci ids=10de:1d01," + ids + "\n");
    return codes(Boot("vfio-pci", "vfio-pci", builder).judge());
  };
  CHECK(judged("1002:73bf") == Codes{"foreign-device"});
  CHECK(judged("1002:73bf:1:2").empty());  // another maker's board
}

TEST_CASE("A card whose address moved is found, one that is gone is left to the refusals") {
  Boot boot;
  boot.state.cards[0].address = at("02:00.0");
  const auto moved = boot.judge();
  CHECK(codes(moved) == Codes{"moved"});
  CHECK(text_of(moved.findings[0]) == "the card 10de:1d01 moved from 0000:02:00.0 to 0000:01:00.0");
  boot.state.cards[0].id = test::id("10de:ffff");
  CHECK(boot.judge().good());
}

TEST_CASE("A device that goes with the card is looked for as the card is") {
  Boot boot;
  boot.state.extra_devices = {{at("03:00.0"), test::id("8086:7ad0"), {}, {0x040300}}};
  const auto moved = boot.judge();
  CHECK(codes(moved) == Codes{"moved"});
  CHECK(text_of(moved.findings[0]) ==
        "the device 8086:7ad0, chosen with the card, moved from 0000:03:00.0 to 0000:00:1f.3");
}

TEST_CASE("Isolation that could not be judged before is judged after the boot") {
  Boot boot;
  const Refusal shared{RefusalCause::group_shared,
                       {{"gpu", at("01:00.0")},
                        {"groups", std::vector<Item>{Count{2}}},
                        {"blockers", std::vector<Item>{Occupant{at("02:00.0"), "ahci"}}}},
                       {},
                       {at("02:00.0")}};
  boot.status.refusals = {shared};
  const auto record = boot.judge();
  CHECK(codes(record) == Codes{"group-shared"});
  CHECK((record.findings[0].refusal == shared));
  CHECK(record.findings[0].devices == std::vector{at("02:00.0")});
}

TEST_CASE("Without a display for the host passthrough is taken back, unless told otherwise") {
  Boot boot;
  boot.seen.has_display = false;
  CHECK(codes(boot.judge()) == Codes{"no-display"});
  CHECK(boot.disables());
  SECTION("headless machines need none") {
    boot.settings.headless = true;
    CHECK(boot.judge().good());
    CHECK_FALSE(boot.disables());
  }
  SECTION("auto-disable = no") {
    boot.settings.auto_disable = false;
    CHECK_FALSE(boot.judge().good());
    CHECK_FALSE(boot.disables());
  }
  SECTION("auto-disable = yes") {
    boot.settings.auto_disable = true;
    CHECK(boot.disables());
  }
  SECTION("the host has the card: that is not the reason") {
    Boot host("nouveau", "snd_hda_intel");
    host.seen.has_display = false;
    CHECK_FALSE(host.judge().good());
    CHECK_FALSE(host.disables());
  }
}

TEST_CASE("Two boots in a row that failed are said, and acted upon where that is allowed") {
  Boot boot;
  boot.seen.failed_boots = 1;
  CHECK(boot.judge().good());
  boot.seen.failed_boots = 2;
  const auto record = boot.judge();
  CHECK(codes(record) == Codes{"failed-boots"});
  CHECK(text_of(record.findings[0]) == "2 boots in a row did not reach the login");
  CHECK(text_of(record.findings[0].remedy) == "Run:\n  vfio-switch disable\n");
  CHECK_FALSE(boot.disables());
  boot.settings.auto_disable = false;
  CHECK_FALSE(boot.disables());
  boot.settings.auto_disable = true;
  CHECK(boot.disables());
}

TEST_CASE("A disabled machine is only asked whether the host has its card") {
  Boot boot("vfio-pci");
  boot.state.intent = Intent::disabled;
  boot.seen.has_display = false;
  boot.seen.failed_boots = 5;
  for (auto& order : boot.status.load_order) order.winner = "nouveau";
  const auto record = boot.judge();
  CHECK(codes(record) == Codes{"not-as-expected", "not-as-expected"});
  CHECK_FALSE(boot.disables());
  Boot host("nvidia", "snd_hda_intel");
  host.state.intent = Intent::disabled;
  for (auto& order : host.status.load_order) order.winner = "nouveau";
  CHECK(host.judge().good());
}

TEST_CASE("A set-up that was put off is told of where nothing was set up since") {
  Boot boot("nouveau", "snd_hda_intel");
  boot.state = {};
  CHECK(boot.judge().findings.empty());
  boot.seen.pending = ReasonCause::in_chroot;
  const auto record = boot.judge();
  CHECK(codes(record) == Codes{"set-up-pending"});
  CHECK_THAT(text_of(record.findings[0]), has_text("installed in a chroot"));
}

TEST_CASE("A warning says what was done about it") {
  Boot boot;
  boot.seen.has_display = false;
  auto record = boot.judge();
  record.action = BootAction::disabled;
  CHECK_THAT(plain(boot_warning(record, false)), has_text("passthrough was disabled"));
  record.action = BootAction::failed;
  record.problem = "the disk is full";
  CHECK_THAT(plain(boot_warning(record, false)),
             has_text("could not be disabled: the disk is full"));
}

}  // namespace vfio_switch
