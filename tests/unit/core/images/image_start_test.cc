// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_start.h"

#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "core/images/image_verdict.h"
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

LoadOrder both(const std::vector<LoadStep>& steps, bool binds) {
  return after_image(real_root(), run_image(steps, claim, card, {.by_id = binds}), claim);
}

}  // namespace

TEST_CASE("The ids of a list count where it is the first to load vfio-pci") {
  const Place list{"/conf/modules", 3};
  LoadRequest given{{"vfio_pci_core", "vfio_pci"}, {}};
  given.ids = VfioIds::parse("10de:1d01");
  given.where = list;
  LoadRequest others = given;
  others.ids = VfioIds::parse("10de:2d04");
  const LoadRequest softdep{{"vfio_pci", "nouveau"}, {}};
  const auto after = [](const std::vector<LoadStep>& steps, bool binds) {
    return after_image(real_root(), run_image(steps, claim, card, {.by_id = binds}), claim);
  };
  const auto taken = after({in_order({given})}, false);
  CHECK(taken.winner == "vfio-pci");
  CHECK(taken.reason == Reason(ReasonCause::list_gives_ids, {{"place", list}}));
  // vfio.conf's ids come too late: the module is loaded, and keeps those of the list.
  const auto lost = after({in_order({others})}, true);
  CHECK(lost.winner == "nouveau");
  CHECK(lost.reason == Reason(ReasonCause::list_lacks_ids, {{"place", list}}));
  CHECK(after({in_order({softdep, others})}, true).winner == "vfio-pci");
  // By address the ids of the list make no difference.
  const auto bound = run_image({in_order({others})}, claim, card, {.by_address = true});
  CHECK(bound.winner == "vfio_pci");
  CHECK_FALSE(bound.list);
}

TEST_CASE("Who takes a function in an image") {
  struct Row {
    std::string what;
    std::vector<LoadStep> steps;
    bool binds;
    std::optional<std::string> winner;
  };
  const LoadRequest vfio{{"vfio_pci_core", "vfio_pci"}, {}};
  const LoadRequest native{{"drm", "nouveau"}, {}};
  const LoadRequest softdep{{"vfio_pci", "nouveau"}, {}};
  const LoadRequest other{{"ext4"}, {}};
  const Row rows[] = {
      {"an empty image", {}, true, std::nullopt},
      {"nothing of interest", {in_order({other}), at_once({other})}, true, std::nullopt},
      {"vfio-pci alone", {in_order({other, vfio})}, true, "vfio_pci"},
      {"vfio-pci without ids", {in_order({vfio})}, false, std::nullopt},
      {"vfio-pci without ids, then the driver", {in_order({vfio, native})}, false, "nouveau"},
      {"a list, vfio-pci first", {in_order({vfio, native})}, true, "vfio_pci"},
      {"a list, the driver first", {in_order({native, vfio})}, true, "nouveau"},
      {"at once: the worst counts", {at_once({vfio, native})}, true, "nouveau"},
      {"at once, the other way round", {at_once({native, vfio})}, true, "nouveau"},
      {"at once, but each by the softdep", {at_once({vfio, softdep})}, true, "vfio_pci"},
      {"coldplug before the list (initramfs-tools)",
       {at_once({native}), in_order({vfio})},
       true,
       "nouveau"},
      {"the list before coldplug (dracut)",
       {in_order({vfio}), at_once({native})},
       true,
       "vfio_pci"},
      {"a list with ids, coldplug by softdep",
       {at_once({softdep}), in_order({native})},
       true,
       "vfio_pci"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(run_image(row.steps, claim, card, {.by_id = row.binds}).winner == row.winner);
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
    auto built_in = claim;
    built_in.built_in = {"nouveau"};
    auto root = real_root();
    root.winner = "nouveau";
    const auto after = [&](Bound bound) {
      return after_image(root, run_image({in_order({vfio})}, built_in, card, bound), built_in);
    };
    CHECK(after({.by_id = true}) == root);
    // The bind script takes it away again.
    CHECK(after({.by_address = true}).winner == "vfio-pci");
    CHECK((after({.by_address = true}).stage == Stage::image));
  }
}

namespace {

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
