// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/sysfs.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "system/temporary_root.h"

namespace vfio_switch {

TEST_CASE("a device is known by the name that the kernel gives it, and once") {
  const test::TemporaryRoot root;
  const std::string devices = "/sys/bus/pci/devices/";
  for (const auto* name : {"0000:01:00.0", "000000:01:00.0", "01:00.0", "0000:0A:00.0"}) {
    root.write(devices + name + "/class", "0x030000\n");
  }
  const auto reader = root.reader();
  ForeignFiles foreign(*reader);
  const auto found = read_pci_devices(foreign);
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->front().address == PciAddress{0, 1, 0, 0});
}

TEST_CASE("what drove the display at boot says it by boot_vga or by boot_display") {
  const std::string gpu = "/sys/devices/pci0000:00/0000:01:00.0";
  const std::string beside = gpu + "/boot_display";
  const std::string at_card = gpu + "/drm/card0/boot_display";
  const std::string vga = gpu + "/boot_vga";
  using Attributes = std::vector<std::pair<std::string, std::string>>;
  struct Row {
    std::string what;
    std::string device_class;
    Attributes attributes;
    std::optional<bool> boots;
  };
  const Row rows[] = {
      {"a VGA device that did", "0x030000", {{vga, "1\n"}}, true},
      {"a VGA device that did not", "0x030000", {{vga, "0\n"}}, false},
      {"no attribute", "0x030000", {}, std::nullopt},
      {"beside boot_vga, which disagrees", "0x030000", {{vga, "0\n"}, {beside, "1\n"}}, true},
      {"at the DRM card", "0x030000", {{vga, "0\n"}, {at_card, "1\n"}}, true},
      {"both", "0x030000", {{vga, "1\n"}, {beside, "1\n"}, {at_card, "1\n"}}, true},
      {"another display, beside", "0x038000", {{beside, "1\n"}}, true},
      {"another display, at the DRM card", "0x038000", {{at_card, "1\n"}}, true},
      {"a 3D controller", "0x030200", {{beside, "1\n"}}, true},
      {"another display that did not", "0x038000", {{beside, "0\n"}}, std::nullopt},
      {"no display at all", "0x020000", {{vga, "1\n"}, {beside, "1\n"}}, std::nullopt},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    const test::TemporaryRoot root;
    root.write(gpu + "/class", row.device_class + "\n");
    root.make_directory(gpu + "/drm/card0");
    root.link("/sys/bus/pci/devices/0000:01:00.0", "../../../devices/pci0000:00/0000:01:00.0");
    root.link("/sys/class/drm/card0", "../../devices/pci0000:00/0000:01:00.0/drm/card0");
    for (const auto& [path, value] : row.attributes) root.write(path, value);
    const auto reader = root.reader();
    ForeignFiles foreign(*reader);
    const auto found = read_pci_devices(foreign);
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK((found->front().boot_vga == row.boots));
  }
}

}  // namespace vfio_switch
