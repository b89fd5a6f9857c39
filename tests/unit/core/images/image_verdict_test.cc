// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_verdict.h"

#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::desktop_kernel;
using test::has_text;
using test::some_reason;
using test::text_of;

namespace {

/// What the real root alone does: vfio-pci first.
LoadOrder real_root() {
  LoadOrder order;
  order.kernel = desktop_kernel;
  order.device = at("01:00.0");
  order.modules = {"vfio_pci_core", "vfio_pci", "nouveau"};
  order.contenders = {"vfio_pci", "nouveau"};
  order.winner = "vfio-pci";
  order.proved = true;
  return order;
}

const std::string conf = "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01\n";
const std::string conf_path = "/etc/modprobe.d/vfio.conf";

Kernel kernel(ModuleForm form = ModuleForm::loadable) {
  Kernel made;
  made.release = desktop_kernel;
  made.vfio_pci = form;
  return made;
}

ImageReport image(const std::string& winner, std::vector<ModprobeFile> modprobe) {
  ImageReport report;
  report.kernel = desktop_kernel;
  report.facts.config.modprobe = std::move(modprobe);
  report.facts.has_modprobe_d = true;
  auto order = real_root();
  order.winner = winner;
  report.orders = {order};
  return report;
}

}  // namespace

TEST_CASE("An image is judged by what it holds and does") {
  const std::vector<ModprobeFile> on_disk = {{conf_path, conf}};
  const std::vector<LoadOrder> root = {real_root()};
  const auto judge = [&](const ImageReport& report, Intent intent = Intent::enabled) {
    return judge_image(report, kernel(), {on_disk, {}}, root, intent);
  };
  SECTION("the same files, and vfio-pci wins") {
    const auto verdict = judge(image("vfio-pci", on_disk));
    CHECK(verdict.staged == true);
    CHECK_FALSE(verdict.reason.has_value());
  }
  SECTION("an older copy is stale, also where vfio-pci wins") {
    const auto verdict = judge(image("vfio-pci", {{conf_path, "options vfio-pci ids=1:1\n"}}));
    CHECK(verdict.staged == false);
    CHECK_THAT(text_of(verdict.reason),
               has_text("stale: its copy of /etc/modprobe.d/vfio.conf differs"));
  }
  SECTION("no copy, where others are copied, is stale") {
    CHECK_THAT(text_of(judge(image("vfio-pci", {})).reason), has_text("stale: it lacks"));
  }
  SECTION("no copy, where nothing is copied, is what the real root makes of it") {
    auto report = image("vfio-pci", {});
    report.facts.has_modprobe_d = false;
    CHECK(judge(report).staged == true);
  }
  SECTION("an older list for binding by address is stale") {
    auto report = image("vfio-pci", on_disk);
    report.facts.config.overrides = {{*PciAddress::parse("0000:01:00.0"), {0x10de, 0x1d01}, {}}};
    CHECK_THAT(text_of(judge(report).reason),
               has_text("its copy of /etc/vfio-switch/override differs"));
  }
  SECTION("somebody else's file may differ") {
    CHECK(
        judge(image("vfio-pci", {{conf_path, conf}, {"/etc/modprobe.d/x.conf", "options x y=1\n"}}))
            .staged == true);
  }
  SECTION("the driver wins") {
    const auto verdict = judge(image("nouveau", on_disk));
    CHECK(verdict.staged == false);
    CHECK_THAT(text_of(verdict.reason), has_text("vfio-pci does not bind 0000:01:00.0: "));
  }
  SECTION("a kernel without vfio-pci is judged by the copies alone") {
    CHECK(judge_image(image("nouveau", on_disk), kernel(ModuleForm::missing), {on_disk, {}}, root,
                      Intent::enabled)
              .staged == true);
  }
  SECTION("not proved is not staged") {
    auto report = image("vfio-pci", on_disk);
    report.orders[0].proved = false;
    report.orders[0].reason = some_reason();
    CHECK(judge(report).staged == false);
  }
  SECTION("what cannot be known is neither staged nor stale") {
    auto report = image("vfio-pci", on_disk);
    report.orders[0].proved = false;
    report.orders[0].reason = ReasonCause::image_file_unread;
    CHECK_FALSE(judge(report).staged.has_value());
    CHECK(judge(report).reason == Reason(ReasonCause::image_file_unread));
    report.orders[0].winner = "nouveau";
    CHECK(judge(report).staged == false);
  }
  SECTION("missing, damaged, unknown") {
    ImageReport report;
    report.condition = ImageCondition::missing;
    report.problem = ReasonCause::image_missing;
    CHECK(judge(report).staged == false);
    report.condition = ImageCondition::damaged;
    CHECK(judge(report).staged == false);
    report.condition = ImageCondition::unknown;
    CHECK_FALSE(judge(report).staged.has_value());
    CHECK(judge(report).reason == Reason(ReasonCause::image_missing));
  }
}

TEST_CASE("An image for the host may hold nothing that takes the card") {
  const std::vector<ModprobeFile> disabled = {{conf_path, "# softdep nouveau pre: vfio-pci\n"}};
  auto host = real_root();
  host.winner = "nouveau";
  const auto judge = [&](const ImageReport& report, const std::vector<LoadOrder>& root) {
    return judge_image(report, kernel(), {disabled, {}}, root, Intent::disabled);
  };
  CHECK(judge(image("nouveau", disabled), {host}).staged == true);
  CHECK(judge(image("nouveau", {}), {host}).staged == true);
  CHECK_THAT(text_of(judge(image("nouveau", {{conf_path, conf}}), {host}).reason),
             has_text("stale"));
  CHECK_THAT(text_of(judge(image("vfio-pci", disabled), {host}).reason),
             has_text("still binds 0000:01:00.0 to vfio-pci"));
  // What the user set up by hand is the user's.
  CHECK(judge(image("vfio-pci", disabled), {real_root()}).staged == true);
  // Somebody else's line is not undone by a build of this image; another reason is none.
  auto given = image("vfio-pci", disabled);
  given.orders[0].reason = {ReasonCause::list_gives_ids, {{"place", Place{"/conf/modules", 3}}}};
  CHECK(judge(given, {host}).staged == true);
  given.orders[0].reason = ReasonCause::image_file_unread;
  CHECK(judge(given, {host}).staged == false);
}

}  // namespace vfio_switch
