// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/image_need.h"
#include "core/binding/driver_config.h"

#include <functional>
#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"
#include "core/images/image_verdict.h"
#include "told.h"

namespace vfio_switch {

using test::at;
using test::desktop;
using test::desktop_kernel;
using test::has_text;
using test::text_of;

namespace {

const std::string conf =
    "softdep nouveau pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n";

std::vector<Claim> claims() {
  return {{std::string(desktop_kernel), at("01:00.0"), {"nouveau"}, {"nvidia_drm"}, {}},
          {"5.10-old", at("01:00.0"), {"nvidia"}, {}, {}}};
}

}  // namespace

TEST_CASE("An image is about the card where it holds what could decide about it") {
  struct Row {
    std::string what;
    std::function<void(ImageFacts&)> change;
    std::string concern;  // empty: none
  };
  const Row rows[] = {
      {"nothing", [](ImageFacts&) {}, ""},
      {"other modules", [](ImageFacts& i) { i.modules = {"ext4", "i915", "virtio_blk"}; }, ""},
      {"the driver", [](ImageFacts& i) { i.modules = {"ext4", "nouveau"}; }, "contains nouveau"},
      {"what loads the driver", [](ImageFacts& i) { i.modules = {"nvidia_drm"}; }, "nvidia_drm"},
      {"a driver of another kernel", [](ImageFacts& i) { i.modules = {"nvidia"}; }, ""},
      {"vfio-pci", [](ImageFacts& i) { i.modules = {"vfio_pci"}; }, "contains vfio_pci"},
      {"its parts alone", [](ImageFacts& i) { i.modules = {"vfio", "vfio_pci_core"}; }, ""},
      {"a list with vfio-pci, whose file is missing",
       [](ImageFacts& i) { i.steps = {{{{"vfio_pci", "/conf/modules:1"}}, false}}; },
       "/conf/modules:1 in the image lists the module vfio_pci"},
      {"a list with others",
       [](ImageFacts& i) { i.steps = {{{{"bochs", "/conf/modules:1"}}, false}, {{}, true}}; }, ""},
      {"our file", [](ImageFacts& i) { i.config.modprobe = {{"/etc/modprobe.d/vfio.conf", conf}}; },
       "/etc/modprobe.d/vfio.conf"},
      {"our file, commented out",
       [](ImageFacts& i) { i.config.modprobe = {{"/etc/modprobe.d/vfio.conf", "# no\n"}}; }, ""},
      {"the merged file",
       [](ImageFacts& i) {
         i.config.modprobe = {{"/etc/modprobe.d/00-vfio-softdep.conf", "softdep a pre: b\n"}};
       },
       "00-vfio-softdep.conf"},
      {"somebody else's file",
       [](ImageFacts& i) { i.config.modprobe = {{"/etc/modprobe.d/x.conf", conf}}; }, ""},
      {"the list for binding by address",
       [](ImageFacts& i) { i.config.overrides = {{at("01:00.0"), {0x10de, 0x1d01}, {}}}; },
       "/etc/vfio-switch/override"},
      {"the script that binds", [](ImageFacts& i) { i.bind_script = true; }, "/bind"},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    ImageFacts image;
    image.has_modprobe_d = true;
    row.change(image);
    const auto concern = concern_of(image, std::string(desktop_kernel), claims());
    CHECK(concern.has_value() == !row.concern.empty());
    CHECK_THAT(text_of(concern), has_text(row.concern));
  }
}

TEST_CASE("Some cards have to be claimed in the image whatever it holds") {
  const DriverConfig plain{{{"/etc/modprobe.d/vfio.conf", conf}}, {}};
  const auto facts = desktop().facts();
  SECTION("by ids, with loadable drivers: not") {
    CHECK_FALSE(need_for_images(facts, claims(), {}, plain).has_value());
    CHECK_FALSE(need_for_images(facts, claims(), plain, {}).has_value());
  }
  SECTION("a driver that is built in") {
    auto some = claims();
    some[1].built_in = {"serial"};
    CHECK_THAT(text_of(need_for_images(facts, some, {}, plain)),
               has_text("serial is built into kernel 5.10-old"));
  }
  SECTION("a command in place of loading a driver, before or after") {
    auto with_command = plain;
    with_command.modprobe.push_back(
        {"/etc/modprobe.d/nvidia.conf", "# x\ninstall nvidia modprobe -i nvidia-current\n"});
    CHECK_THAT(text_of(need_for_images(facts, claims(), with_command, plain)),
               has_text("/etc/modprobe.d/nvidia.conf:2 has an install command for nvidia"));
    CHECK(need_for_images(facts, claims(), plain, with_command).has_value());
  }
  SECTION("a command for another module: not") {
    auto with_command = plain;
    with_command.modprobe.push_back({"/etc/modprobe.d/x.conf", "install usb_storage true\n"});
    CHECK_FALSE(need_for_images(facts, claims(), plain, with_command).has_value());
  }
  SECTION("bound by address, before or after") {
    auto by_address = plain;
    by_address.overrides = {{at("01:00.0"), {0x10de, 0x1d01}, {}}};
    CHECK_THAT(text_of(need_for_images(facts, claims(), by_address, plain)),
               has_text("by address"));
    CHECK_THAT(text_of(need_for_images(facts, claims(), plain, by_address)),
               has_text("by address"));
  }
  SECTION("a list that the next build of an image will follow") {
    auto listed = facts;
    listed.early_modules = {{"bochs", {"/etc/initramfs-tools/modules", 3}}};
    CHECK_FALSE(need_for_images(listed, claims(), {}, plain).has_value());
    listed.early_modules.push_back({"nouveau", {"/etc/initramfs-tools/modules", 4}});
    CHECK_THAT(text_of(need_for_images(listed, claims(), {}, plain)),
               has_text("/etc/initramfs-tools/modules:4 lists the module nouveau"));
  }
}

TEST_CASE("An image that is not about the card is staged though it lacks our files") {
  Kernel kernel;
  kernel.release = desktop_kernel;
  kernel.vfio_pci = ModuleForm::loadable;
  ImageReport report;
  report.kernel = desktop_kernel;
  report.facts.has_modprobe_d = true;
  LoadOrder order;
  order.kernel = desktop_kernel;
  order.device = at("01:00.0");
  order.winner = "vfio-pci";
  order.proved = true;
  report.orders = {order};
  const DriverConfig config{{{"/etc/modprobe.d/vfio.conf", conf}}, {}};
  CHECK(judge_image(report, kernel, config, {order}, Intent::enabled).staged == false);
  report.root_decides = true;
  const auto verdict = judge_image(report, kernel, config, {order}, Intent::enabled);
  CHECK(verdict.staged == true);
  CHECK(verdict.root_decides);
  // What the real root does is proved all the same.
  report.orders[0].winner = "nouveau";
  CHECK(judge_image(report, kernel, config, {order}, Intent::enabled).staged == false);
}

}  // namespace vfio_switch
