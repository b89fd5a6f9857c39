// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/settings.h"
#include "core/pci/device_spec.h"

#include <string>
#include <vector>

#include "catch.h"
#include "core/facts_builder.h"

namespace vfio_switch {

using test::at;
using test::error_of;
using test::has_text;
using test::id;
using test::value_of;

TEST_CASE("The settings say which cards may be taken") {
  struct Row {
    std::string text;
    std::vector<DeviceSpec> devices;
    bool forbidden;
  };
  const Row rows[] = {
      {"", {}, false},
      {"# device = none\n", {}, false},
      {"device = auto # none\n", {}, false},
      {"device = none # for now\n", {}, true},
      {"device = auto\n", {}, false},
      {"device = none\n", {}, true},
      {"device = 01:00.0\n", {at("01:00.0")}, false},
      {"device = 10de:2d04\n", {id("10de:2d04")}, false},
      {"device = 0000:01:00.0, 10de:2d04\n", {at("01:00.0"), id("10de:2d04")}, false},
      {"device = 01:00.0 02:00.0\n", {at("01:00.0"), at("02:00.0")}, false},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto settings = value_of(parse_settings("/etc/vfio-switch.conf", row.text));
    CHECK((settings.devices == row.devices));
    CHECK(settings.forbidden == row.forbidden);
  }
}

TEST_CASE("The settings say what goes with the card") {
  const auto extra = [](const std::string& text) {
    return value_of(parse_settings("/etc/vfio-switch.conf", text)).extra_devices;
  };
  CHECK_FALSE(extra("device = auto\n").has_value());
  CHECK((extra("extra-devices = none\n") == std::vector<DeviceSpec>{}));
  CHECK((extra("extra-devices = 03:00.0, 8086:1539\n") ==
         std::vector<DeviceSpec>{at("03:00.0"), id("8086:1539")}));
  const auto error = error_of(parse_settings("/etc/vfio-switch.conf", "extra-devices = auto\n"));
  CHECK_THAT(error.message, has_text("'auto'; expected none, an address"));
}

TEST_CASE("The settings may ask for the IOMMU's pass-through mode") {
  const auto pass_through = [](const std::string& text) {
    return value_of(parse_settings("/etc/vfio-switch.conf", text)).pass_through;
  };
  CHECK_FALSE(pass_through(""));
  CHECK_FALSE(pass_through("iommu = auto\n"));
  CHECK(pass_through("iommu = pt\ndevice = none\n"));
}

TEST_CASE("The settings say what may be done without asking") {
  const auto parse = [](const std::string& text) {
    return value_of(parse_settings("/etc/vfio-switch.conf", text));
  };
  CHECK_FALSE(parse("").early);
  CHECK_FALSE(parse("initramfs = auto\n").early);
  CHECK(parse("initramfs = always\n").early);
  CHECK_FALSE(parse("").headless);
  CHECK_FALSE(parse("headless = no\n").headless);
  CHECK(parse("headless = yes\n").headless);
  CHECK_FALSE(parse("").auto_disable.has_value());
  CHECK(parse("auto-disable = yes\n").auto_disable == true);
  CHECK(parse("auto-disable = no\n").auto_disable == false);
}

TEST_CASE("A wrong setting is named with file, line and remedy") {
  struct Row {
    std::string text;
    std::string where;
    std::string why;
  };
  const Row rows[] = {
      {"colour = red\n", ":1: ", "'colour' is not a setting"},
      {"# x\ndevice = auto\ndevice = none\n", ":3: ", "twice"},
      {"\ndevice = 1:0.0\n", ":2: ", "'1:0.0'"},
      {"device = 01:00.0 all\n", ":1: ", "'all'"},
      {"device =\n", ":1: ", "has no value"},
      {"device = ,\n", ":1: ", "has no value"},
      {"device\n", ":1: ", "key = value"},
      {"device = none 01:00.0\n", ":1: ", "'none'"},
      {"iommu = on\n", ":1: ", "expected pt or auto"},
      {"iommu = pt\niommu = pt\n", ":2: ", "twice"},
      {"initramfs = never\n", ":1: ", "expected always or auto"},
      {"headless = 1\n", ":1: ", "expected yes or no"},
      {"auto-disable =\n", ":1: ", "expected yes or no"},
      {"headless = no\nheadless = no\n", ":2: ", "twice"},
      {"headles = no\n",
       ":1: ", "known: device, extra-devices, initramfs, iommu, headless, auto-disable"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto error = error_of(parse_settings("/etc/vfio-switch.conf", row.text));
    CHECK(error.kind == ErrorKind::usage);
    CHECK_THAT(error.message, has_text("/etc/vfio-switch.conf" + row.where));
    CHECK_THAT(error.message, has_text(row.why));
    CHECK_FALSE(error.remedy.empty());
  }
}

}  // namespace vfio_switch
