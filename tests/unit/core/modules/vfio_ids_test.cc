// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/vfio_ids.h"

#include "catch.h"

using namespace vfio_switch;

namespace {

PciDevice device(PciId id, PciId subsystem, std::uint32_t device_class) {
  PciDevice made;
  made.id = id;
  made.subsystem = subsystem;
  made.device_class = {device_class};
  return made;
}

std::vector<ModprobeDirective> lines_of(const std::string& content) {
  return parse_modprobe(ModprobeFile{"/etc/modprobe.d/a.conf", content});
}

const PciDevice card = device({0x10de, 0x2d04}, {0x1462, 0x5351}, 0x030000);

}  // namespace

TEST_CASE("A list of vfio-pci ids is a set", "[vfio_ids]") {
  CHECK(VfioIds::parse("10de:2d04,10de:22eb") == VfioIds::parse("10DE:22EB,10de:2d04,10de:2d04"));
  CHECK(VfioIds::parse("\"10de:2d04\"").str() == "10de:2d04");
  CHECK(VfioIds::parse("10de:22eb,,10de:2d04,").str() == "10de:22eb,10de:2d04");
  CHECK(VfioIds::parse("").empty());
}

TEST_CASE("Subsystem, class and mask of an id restrict it as in the kernel", "[vfio_ids]") {
  struct Row {
    const char* text;
    bool matches;
  };
  const Row rows[] = {
      {"10de:2d04", true},
      {"0x10de:0x2d04", true},
      {"10de:2d04:1462", true},
      {"10de:2d04:1043", false},
      {"10de:2d04:1462:5351", true},
      {"10de:2d04:1462:5352", false},
      {"10de:2d04:ffffffff:ffffffff:30000:ff0000", true},
      {"10de:2d04:ffffffff:ffffffff:40300:ff0000", false},
      {"10de:2d04:ffffffff:ffffffff:40300", true},  // without a mask no class is asked for
      {"10de:22eb", false},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto id = VfioId::parse(row.text);
    REQUIRE(id);
    CHECK(id->matches(card) == row.matches);
    CHECK(VfioId::parse(id->str()) == id);
  }
}

TEST_CASE("What is no id is kept apart, as the kernel warns and goes on", "[vfio_ids]") {
  const auto ids = VfioIds::parse("10de,10de:2d04,nonsense,1234567:1");
  CHECK(ids.str() == "10de:2d04");
  CHECK(ids.not_understood() == std::vector<std::string>{"10de", "nonsense", "1234567:1"});
}

TEST_CASE("A wider id covers a narrower one, and not the other way round", "[vfio_ids]") {
  const auto wide = VfioIds::parse("10de:2d04");
  const auto narrow = VfioIds::parse("10de:2d04:1462:5351");
  CHECK(wide.cover(narrow));
  CHECK_FALSE(narrow.cover(wide));
  CHECK(wide.cover(VfioIds()));
  CHECK(VfioIds::parse("10de:2d04,8086:1").cover(wide));
  CHECK(wide.without({PciId{0x10de, 0x2d04}}).empty());
}

TEST_CASE("Ids are found on command lines and behind options", "[vfio_ids]") {
  CHECK(ids_parameter("vfio_pci.ids=10de:2d04") == VfioIds::parse("10de:2d04"));
  CHECK(ids_parameter("vfio-pci.ids=")->empty());
  CHECK_FALSE(ids_parameter("vfio-pci.disable_vga=1"));
  CHECK_FALSE(ids_parameter("quiet"));
  CHECK(ids_option("ids=8086:1 disable_vga=1 ids=10de:2d04") == VfioIds::parse("10de:2d04"));
  CHECK_FALSE(ids_option("disable_vga=1"));
}

TEST_CASE("Of all ids for vfio-pci the last ones win") {
  struct Row {
    std::string content;
    std::optional<std::string> ids;
  };
  const Row rows[] = {
      {"", std::nullopt},
      {"options vfio-pci disable_vga=1\n", std::nullopt},
      {"options vfio ids=10de:1d01\n", std::nullopt},
      {"#options vfio-pci ids=10de:1d01\n", std::nullopt},
      {"options vfio-pci ids=10de:1d01\n", "10de:1d01"},
      {"options vfio_pci ids=10de:1d01\n", "10de:1d01"},
      {"options vfio-pci disable_vga=1 ids=10de:1d01,10de:0fb8\n", "10de:0fb8,10de:1d01"},
      {"options vfio-pci ids=1:2\noptions vfio_pci ids=3:4\n", "0003:0004"},
      {"options vfio-pci ids=1:2 ids=3:4\n", "0003:0004"},
      {"options vfio-pci ids=1:2\noptions vfio-pci ids=\n", ""},
      {"options vfio-pci ids=1:2\r\n", "0001:0002"},
  };
  for (const auto& row : rows) {
    INFO(row.content);
    const auto ids = ids_of_modprobe(lines_of(row.content));
    CHECK((ids ? std::optional(ids->str()) : std::nullopt) == row.ids);
  }
}

TEST_CASE("libkmod takes no wildcard for options") {
  CHECK(ids_of_modprobe(lines_of("options vfio* ids=1:2\n")) == std::nullopt);
}
