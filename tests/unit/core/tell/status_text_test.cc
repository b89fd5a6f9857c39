// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/status_text.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"
#include "core/base/text.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::desktop;
using test::desktop_image;
using test::desktop_kernel;
using test::has_text;
using test::plain;
using test::some_reason;

namespace {

Status enabled() {
  Status status;
  status.intent = Intent::enabled;
  KernelStatus kernel{std::string(desktop_kernel), std::string(desktop_image), true, {}};
  kernel.running = true;
  kernel.next_boot = NextBoot::vfio;
  status.kernels = {kernel};
  status.devices = {{at("01:00.0"), "vfio-pci", "vfio-pci", true},
                    {at("01:00.1"), "vfio-pci", "vfio-pci", true}};
  status.command_line = "ro quiet";
  return status;
}

std::string text(const Status& status, const Style& style = {}, bool can_build = true) {
  return plain(status_text(desktop().facts(), status, style, can_build));
}

/// The line that begins with "Next".
std::string next(const Status& status, bool can_build = true) {
  const auto all = text(status, {}, can_build);
  for (const auto line : split_lines(all)) {
    if (line.starts_with("Next  ")) return std::string(line.substr(6));
  }
  return {};
}

}  // namespace

TEST_CASE("Status tells wanted, staged, command line and active apart") {
  auto status = enabled();
  status.devices[0].driver = "nouveau";
  status.devices[0].active = false;
  status.kernels[0].image_staged = false;
  status.kernels[0].staged = false;
  status.kernels[0].reason = some_reason();
  status.parameters = {{"vfio-pci.ids=", ReasonCause::leaves_card_to_host, true}};
  CHECK(
      test::plain_table(text(status)) ==
      test::plain_table(
          "WANTED       STAGED                    COMMAND LINE                                  "
          "ACTIVE\n"
          "passthrough  files ready               vfio-pci.ids=                                 "
          "0000:01:00.0 nouveau\n"
          "             6.1.0-56-amd64 (running)    leaves the card with the host in this boot    "
          "expected vfio-pci\n"
          "               image stale                                                           "
          "0000:01:00.1 vfio-pci\n"
          "\n"
          "NEXT BOOT                 DRIVER OF THE CARD\n"
          "6.1.0-56-amd64 (running)  vfio-pci will bind the card\n"
          "\n"
          "Card  0000:01:00.0 without a name\n"
          "Card  0000:01:00.1 without a name\n"
          "Why   6.1.0-56-amd64: because\n"
          "Next  run 'vfio-switch enable'\n"));
}

TEST_CASE("Status fits the terminal, from sixty columns on") {
  auto status = enabled();
  status.kernels.push_back(status.kernels[0]);
  status.kernels[1].release = "6.12.117+deb12-amd64-and-more";
  status.kernels[1].staged = false;
  status.kernels[1].reason = {ReasonCause::image_file_older,
                              {{"file", Place{"/etc/modprobe.d/vfio.conf"}}}};
  status.parameters = {
      {"modprobe.blacklist=nouveau,nvidia", ReasonCause::blacklists_drivers, false}};
  for (std::size_t width = 60; width <= 200; width += 7) {
    const auto all = text(status, {.width = width, .colour = false});
    for (const auto line : split_lines(all)) {
      INFO(width << ": " << line);
      CHECK(columns(line) <= width);
    }
  }
}

TEST_CASE("What is known of a boot menu from an earlier run is told with its time") {
  auto status = enabled();
  const RecordedOutcome then{"2026-11-22T12:00:00Z", "2026-11-22 13:00 CET", NextBoot::vfio};
  EntryProof usual{.entry = {.id = "0", .title = "Debian", .is_default = true, .release = "6.1"},
                   .functions = {{at("01:00.0"), "vfio-pci", false, some_reason()},
                                 {at("01:00.1"), "vfio-pci", false, some_reason()}},
                   .recorded = then};
  auto again = usual;
  again.entry.title = "Debian, with Linux 6.1";
  again.entry.is_default = false;
  auto mixed = usual;
  mixed.entry.title = "Debian, with Linux 6.0";
  mixed.entry.release = "6.0";
  mixed.entry.is_default = false;
  mixed.functions[0].winner = "nouveau";
  mixed.recorded->outcome = NextBoot::mixed;
  auto once = mixed;
  once.entry.title = "Rescue";
  once.entry.kind = EntryKind::rescue;
  once.entry.is_once = true;
  once.recorded->outcome = NextBoot::unknown;
  status.menu.entries = {usual, again, mixed, once};
  const auto all = text(status);
  const auto table = all.substr(all.find("NEXT BOOT"));
  CHECK(test::plain_table(table.substr(0, table.find("\n\n") + 1)) ==
        test::plain_table(
            "NEXT BOOT                DRIVER OF THE CARD\n"
            "Debian (default)         vfio-pci will bind the card\n"
            "                           as of 2026-11-22 13:00 CET\n"
            "Debian, with Linux 6.0   nouveau will bind 0000:01:00.0 and vfio-pci will bind "
            "0000:01:00.1\n"
            "                           as of 2026-11-22 13:00 CET\n"
            "Rescue (next boot only)  not known\n"
            "                           as of 2026-11-22 13:00 CET\n"));
}

TEST_CASE("Status names the one next command") {
  SECTION("as wanted") {
    CHECK(next(enabled()) == "nothing to do");
  }
  SECTION("never enabled") {
    Status status;
    CHECK_THAT(next(status), has_text("'vfio-switch devices'"));
    status.devices = enabled().devices;
    CHECK_THAT(next(status), has_text("'vfio-switch enable'"));
  }
  SECTION("an image falls short") {
    auto status = enabled();
    status.kernels[0].staged = false;
    CHECK(next(status) == "run 'vfio-switch enable'");
    CHECK(next(status, false) == "run 'vfio-switch enable --rebuild'");
    status.kernels[0].files_staged = false;
    CHECK(next(status, false) == "run 'vfio-switch enable'");
    status.intent = Intent::disabled;
    CHECK(next(status) == "run 'vfio-switch disable'");
  }
  SECTION("a kernel without vfio-pci is nothing that a command mends") {
    auto status = enabled();
    status.kernels[0].staged = false;
    status.kernels[0].lacks_vfio = true;
    CHECK(next(status) == "nothing to do");
    CHECK_THAT(text(status), has_text("no vfio-pci"));
  }
  SECTION("not active yet") {
    auto status = enabled();
    status.devices[1].active = false;
    CHECK(next(status) == "reboot");
    status.command_line = "ro vfio-pci.ids=";
    CHECK_THAT(next(status), has_text("without 'vfio-pci.ids='"));
    status.command_line = "ro";
    status.parameters = {{"amd_iommu=off", ReasonCause::turns_iommu_off, true}};
    CHECK_THAT(next(status), has_text("without the kernel parameter that"));
  }
  SECTION("a boot that was not as expected would not be better the next time") {
    auto status = enabled();
    status.devices[1].active = false;
    const Data surprise = {{"device", at("01:00.1")},
                           {"driver", Word{"snd_hda_intel"}},
                           {"expected", Word{"vfio-pci"}}};
    status.boot = BootRecord{"id", "t", "6.1", {}, {{BootCause::other_driver, surprise}}};
    CHECK(next(status) == "reboot");
    status.boot_is_now = true;
    CHECK_THAT(next(status), has_text("'journalctl -b'"));
  }
  SECTION("refused") {
    auto status = enabled();
    status.refusals = {{RefusalCause::no_vfio_module}};
    CHECK_THAT(next(status), has_text("fix that"));
    CHECK_THAT(text(status),
               has_text("no-vfio-module: no installed kernel has the vfio-pci module"));
  }
}

TEST_CASE("Status tells what the boot check found, each thing once") {
  auto status = enabled();
  status.refusals = {{RefusalCause::no_vfio_module}};
  status.boot = BootRecord{"id",
                           "2026-11-22T12:00:00Z",
                           "6.1",
                           {},
                           {{.cause = BootCause::refused, .refusal = status.refusals[0]},
                            {.cause = BootCause::no_display}},
                           BootAction::disabled};
  const auto all = text(status);
  const std::string said = "no installed kernel has the vfio-pci module";
  REQUIRE(all.find(said) != std::string::npos);
  CHECK(all.find(said) == all.rfind(said));
  CHECK_THAT(all, has_text("the boot check of 2026-11-22T12:00:00Z: the host has no display"));
  CHECK_THAT(all, has_text("disabled passthrough"));
  status.boot.reset();
  status.pending = ReasonCause::in_chroot;
  CHECK_THAT(text(status), has_text("installed in a chroot"));
}

TEST_CASE("An image that is not about the card is shown as not needed") {
  auto status = enabled();
  status.kernels[0].root_decides = true;
  CHECK_THAT(text(status), has_text("initramfs unaffected"));
}

}  // namespace vfio_switch
