// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/status.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "core/plan/config_plan.h"
#include "told.h"

namespace vfio_switch {

using test::applied;
using test::at;
using test::at_all;
using test::codes;
using test::desktop;
using test::desktop_kernel;
using test::enable;
using test::has_text;
using test::some_reason;
using test::text_of;

namespace {

LoadOrder order(std::string_view kernel, std::string_view device, std::string_view winner) {
  LoadOrder made;
  made.kernel = kernel;
  made.device = at(device);
  made.winner = winner;
  made.proved = true;
  return made;
}

/// vfio-pci for both functions of the desktop's card.
const std::vector<LoadOrder> vfio_everywhere = {order(desktop_kernel, "01:00.0", "vfio-pci"),
                                                order(desktop_kernel, "01:00.1", "vfio-pci")};
const std::vector<LoadOrder> host_everywhere = {order(desktop_kernel, "01:00.0", "nouveau"),
                                                order(desktop_kernel, "01:00.1", "snd_hda_intel")};

/// The desktop after an enable, and after the reboot that follows where `rebooted`.
SystemFacts enabled_desktop(bool rebooted) {
  auto facts = desktop().facts();
  facts = applied(facts, enable(facts));
  for (auto& device : facts.devices) {
    if (rebooted && device.address.bus == 1) device.driver = device.driver_module = "vfio-pci";
  }
  return facts;
}

}  // namespace

TEST_CASE("Staged and active are two different statements") {
  SECTION("nothing done yet: neither") {
    const auto facts = desktop().facts();
    const auto status = make_status(facts, enable(facts), Intent::enabled, {}, host_everywhere);
    REQUIRE(status.kernels.size() == 1);
    CHECK(status.kernels[0].staged == false);
    CHECK_THAT(text_of(status.kernels[0].reason), has_text("/etc/modprobe.d/vfio.conf"));
    CHECK_FALSE(status.devices[0].active);
    CHECK(status.next_boot == NextBoot::host);
    CHECK_FALSE(is_as_intended(status));
  }
  SECTION("before the reboot: staged, not active") {
    const auto facts = enabled_desktop(false);
    const auto status = make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere);
    CHECK(status.kernels[0].staged == true);
    CHECK_FALSE(status.kernels[0].reason.has_value());
    REQUIRE(status.devices.size() == 2);
    CHECK(status.devices[0].driver == "nouveau");
    CHECK(status.devices[0].expected_driver == "vfio-pci");
    CHECK_FALSE(status.devices[0].active);
    CHECK_FALSE(status.devices[1].active);
    CHECK(status.next_boot == NextBoot::vfio);
    CHECK_FALSE(is_as_intended(status));
  }
  SECTION("after the reboot: both") {
    const auto facts = enabled_desktop(true);
    const auto status = make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere);
    CHECK(status.kernels[0].staged == true);
    CHECK(status.devices[0].active);
    CHECK(status.devices[1].active);
    CHECK(is_as_intended(status));
  }
  SECTION("one function did not follow: staged, not all active") {
    auto facts = enabled_desktop(true);
    for (auto& device : facts.devices) {
      if (device.address == at("01:00.1")) device.driver = device.driver_module = "snd_hda_intel";
    }
    const auto status = make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere);
    CHECK(status.devices[0].active);
    CHECK_FALSE(status.devices[1].active);
    CHECK_FALSE(is_as_intended(status));
  }
}

TEST_CASE("A kernel is staged where its own image is proved") {
  auto facts = desktop().kernel("5.10-old").facts();
  facts = applied(facts, enable(facts));
  const ImageVerdicts images = {{std::string(desktop_kernel), {true, {}}},
                                {"5.10-old", {false, some_reason("stale")}}};
  const auto status = make_status(facts, enable(facts), Intent::enabled, images, vfio_everywhere);
  REQUIRE(status.kernels.size() == 2);
  CHECK(status.kernels[0].staged == true);
  CHECK(status.kernels[1].staged == false);
  CHECK(status.kernels[1].release == "5.10-old");
  CHECK(status.kernels[1].image == "/boot/initrd.img-5.10-old");
  CHECK_THAT(text_of(status.kernels[1].reason), has_text("stale"));
}

TEST_CASE("An image that cannot be judged is neither staged nor not, and says why") {
  const auto facts = enabled_desktop(true);
  const ImageVerdicts images = {{std::string(desktop_kernel), {std::nullopt, some_reason()}}};
  const auto status = make_status(facts, enable(facts), Intent::enabled, images, vfio_everywhere);
  CHECK_FALSE(status.kernels[0].staged.has_value());
  CHECK(status.kernels[0].reason == some_reason());
  CHECK(is_as_intended(status));
}

TEST_CASE("A kernel without vfio-pci is not staged, and says so") {
  auto facts = desktop().kernel("5.10-old", ModuleForm::missing).facts();
  facts = applied(facts, enable(facts));
  const auto status = make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere);
  CHECK(status.kernels[0].staged == true);
  CHECK(status.kernels[1].staged == false);
  CHECK_THAT(text_of(status.kernels[1].reason), has_text("no vfio-pci"));
}

TEST_CASE("A plan that is refused is staged nowhere, and its reasons are handed on") {
  auto facts = enabled_desktop(true);
  facts.modprobe.push_back({"/etc/modprobe.d/x.conf", "blacklist vfio-pci\n"});
  const auto status = make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere);
  CHECK(status.kernels[0].staged == false);
  CHECK(codes(status.refusals) == std::vector{RefusalCode::config_conflict});
  CHECK_FALSE(is_as_intended(status));
}

TEST_CASE("The next boot is mixed where kernels or functions differ") {
  struct Row {
    std::string what;
    std::vector<LoadOrder> now;
    NextBoot next_boot;
  };
  const Row rows[] = {
      {"vfio everywhere", vfio_everywhere, NextBoot::vfio},
      {"host everywhere", host_everywhere, NextBoot::host},
      {"functions differ", {vfio_everywhere[0], host_everywhere[1]}, NextBoot::mixed},
      {"kernels differ",
       {vfio_everywhere[0], vfio_everywhere[1], order("5.10-old", "01:00.0", "nouveau"),
        order("5.10-old", "01:00.1", "snd_hda_intel")},
       NextBoot::mixed},
      {"nothing known", {}, NextBoot::host},
  };
  const auto facts = enabled_desktop(true);
  const auto plan = enable(facts);
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(make_status(facts, plan, Intent::enabled, {}, row.now).next_boot == row.next_boot);
  }
}

TEST_CASE("What cannot be read leaves the next boot unknown, and is not as intended") {
  const auto facts = enabled_desktop(true);
  auto undecided = vfio_everywhere;
  undecided[1].proved = false;
  undecided[1].reason = ReasonCause::file_unread;
  auto status = make_status(facts, enable(facts), Intent::enabled, {}, undecided);
  CHECK(status.next_boot == NextBoot::unknown);
  CHECK(status.kernels[0].next_boot == NextBoot::unknown);
  status.devices.clear();
  CHECK_FALSE(is_as_intended(status));
  // Known it is that another driver comes first, whatever else the file says.
  undecided[1].winner = "snd_hda_intel";
  CHECK(make_status(facts, enable(facts), Intent::enabled, {}, undecided).next_boot ==
        NextBoot::mixed);
}

TEST_CASE("A kernel whose modules cannot be told may be the one that boots") {
  auto facts = enabled_desktop(true);
  facts.unread = {{"/etc/X11/xorg.conf", "Permission denied"}};
  CHECK(make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere).next_boot ==
        NextBoot::vfio);
  facts.unread = {{"/lib/modules/6.99/modules.alias.bin", "it is damaged"}};
  CHECK(make_status(facts, enable(facts), Intent::enabled, {}, vfio_everywhere).next_boot ==
        NextBoot::unknown);
}

TEST_CASE("A driver is the expected one if its module is") {
  struct Row {
    std::string what;
    std::optional<std::string> driver;
    std::optional<std::string> module;
    std::string expected;
    bool active;
  };
  const Row rows[] = {
      {"driver and module of one name", "nouveau", "nouveau", "nouveau", true},
      {"driver xhci_hcd of module xhci_pci", "xhci_hcd", "xhci_pci", "xhci_pci", true},
      {"a module spelled with a dash", "i2c-nvidia-gpu", "i2c-nvidia-gpu", "i2c_nvidia_gpu", true},
      {"a driver that is built in", "nvidia-gpu", std::nullopt, "nvidia_gpu", true},
      {"another driver", "nouveau", "nouveau", "nvidia", false},
      {"none", std::nullopt, std::nullopt, "nouveau", false},
      {"vfio-pci where the host's was expected", "vfio-pci", "vfio_pci", "nouveau", false},
  };
  const State disabled{
      Intent::disabled, {{at("01:00.0"), test::id("10de:1d01"), {}, {0x030000}}}, {}};
  for (const auto& row : rows) {
    INFO(row.what);
    const auto facts = desktop()
                           .change("01:00.0",
                                   [&](PciDevice& d) {
                                     d.driver = row.driver;
                                     d.driver_module = row.module;
                                   })
                           .facts();
    const auto status = make_status(facts, plan_disable(facts, disabled, {}), Intent::disabled, {},
                                    {order(desktop_kernel, "01:00.0", row.expected)});
    REQUIRE(status.devices.size() == 2);
    CHECK(status.devices[0].expected_driver == row.expected);
    CHECK(status.devices[0].active == row.active);
  }
}

TEST_CASE("A function that no driver takes is as expected without one") {
  const auto facts = desktop()
                         .change("01:00.1",
                                 [](PciDevice& d) {
                                   d.driver.reset();
                                   d.driver_module.reset();
                                 })
                         .facts();
  Plan plan;
  plan.functions = at_all({"01:00.1"});
  LoadOrder nobody = order(desktop_kernel, "01:00.1", "");
  nobody.winner.reset();
  const auto status = make_status(facts, plan, Intent::disabled, {}, {nobody});
  CHECK_FALSE(status.devices[0].expected_driver);
  CHECK(status.devices[0].active);
  CHECK(status.next_boot == NextBoot::host);
}

TEST_CASE("An image that cannot be judged is not held against the machine") {
  Status status;
  status.kernels = {{"6.1", "/boot/initrd.img-6.1", std::nullopt, some_reason()}};
  status.intent = Intent::enabled;
  CHECK(is_as_intended(status));
  status.kernels[0].staged = false;
  CHECK_FALSE(is_as_intended(status));
  status.intent = Intent::unset;  // nothing is wanted that it could fall short of
  CHECK(is_as_intended(status));
}

}  // namespace vfio_switch
