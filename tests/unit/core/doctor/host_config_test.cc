// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/doctor/host_config.h"

#include "catch.h"
#include "core/doctor/reset_trouble.h"
#include "core/facts_builder.h"

namespace vfio_switch::test {

namespace {

const DriNodes nodes = {{"card0", at("00:02.0")}, {"card1", at("01:00.0")}};

std::vector<PciAddress> named(std::string_view text) {
  std::vector<PciAddress> addresses;
  for (const auto& setting : parse_compositor_settings("/etc/environment", text, nodes)) {
    addresses.push_back(setting.address);
  }
  return addresses;
}

}  // namespace

TEST_CASE("a framebuffer belongs to the function whose memory it lies in", "[doctor]") {
  constexpr std::string_view iomem =
      "00000000-00000fff : Reserved\n"
      "a0000000-dfffffff : PCI Bus 0000:00\n"
      "  a0000000-b1ffffff : PCI Bus 0000:01\n"
      "    a0000000-afffffff : 0000:01:00.0\n"
      "      a0000000-a07e8fff : BOOTFB\n"
      "        a0000000-a07e8fff : simpledrm\n"
      "    b0000000-b0ffffff : 0000:01:00.0\n"
      "  c0000000-cfffffff : 0000:00:02.0\n"
      "e0000000-e07e8fff : efifb\n";
  CHECK(parse_iomem(iomem) == std::vector<Framebuffer>{{"BOOTFB", at("01:00.0")}});
  CHECK(parse_iomem("").empty());
}

TEST_CASE("compositors' lists of cards", "[doctor]") {
  const auto card = at_all({"01:00.0"});
  CHECK(named("KWIN_DRM_DEVICES=/dev/dri/card1\n") == card);
  CHECK(named("export WLR_DRM_DEVICES=\"/dev/dri/card1\"\n") == card);
  CHECK(named("env = AQ_DRM_DEVICES,/dev/dri/card1\n") == card);
  CHECK(named("WLR_DRM_DEVICES=/dev/dri/card0:/dev/dri/card1\n") == at_all({"00:02.0", "01:00.0"}));
  CHECK(named("KWIN_DRM_DEVICES=/dev/dri/by-path/pci-0000\\:01\\:00.0-card\n") == card);
  CHECK(named("ENV{DEVNAME}==\"/dev/dri/card1\", TAG+=\"mutter-device-preferred-primary\"\n") ==
        card);
  CHECK(named("# KWIN_DRM_DEVICES=/dev/dri/card1\n").empty());
  CHECK(named("KWIN_DRM_DEVICES=/dev/dri/card7\n").empty());
  CHECK(named("OTHER=/dev/dri/card1\n").empty());
  CHECK(
      parse_compositor_settings("/etc/environment", "\n\nKWIN_DRM_DEVICES=/dev/dri/card1\n", nodes)
          .front()
          .line.where() == "/etc/environment:3");
}

TEST_CASE("where boot loaders keep kernel command lines", "[doctor]") {
  const auto lines = [](const std::string& path, std::string_view text) {
    std::vector<std::string> texts;
    for (const auto& line : command_line_lines(path, text)) texts.push_back(line.text);
    return texts;
  };
  using Texts = std::vector<std::string>;
  CHECK(lines("/etc/kernel/cmdline", "# by hand\nro quiet\n") == Texts{"ro quiet"});
  CHECK(lines("/boot/loader/entries/a.conf", "title ro\noptions ro quiet\n") ==
        Texts{"options ro quiet"});
  CHECK(lines("/etc/default/grub", "GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX=\"ro\"\n") ==
        Texts{"GRUB_CMDLINE_LINUX=\"ro\""});
}

TEST_CASE("the families with reset trouble", "[doctor]") {
  CHECK(reset_trouble(id("1002:67df")) == "Polaris 10");
  CHECK(reset_trouble(id("1002:687f")) == "Vega 10");
  CHECK(reset_trouble(id("1002:731f")) == "Navi 10");
  CHECK(reset_trouble(id("1002:73bf")).empty());
  CHECK(reset_trouble(id("1002:744c")).empty());
  CHECK(reset_trouble(id("10de:67df")).empty());
}

}  // namespace vfio_switch::test
