// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/images/mkinitcpio_conf.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

namespace {

std::string texts(const std::vector<ConfigWord>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word.text;
  return text;
}

std::string list(const std::string& text, const std::string& name) {
  return texts(list_after(parse_assignments("mkinitcpio.conf", text), name));
}

}  // namespace

TEST_CASE("The lists of mkinitcpio.conf are read as people write them") {
  struct Row {
    std::string text;
    std::string modules;
  };
  const Row rows[] = {
      {"MODULES=(a b)\n", "a b"},
      {"MODULES=\"a b\"\n", "a b"},
      {"MODULES='a  b'\n", "a b"},
      {"MODULES=a\n", "a"},
      {"MODULES=()\n", ""},
      {"# MODULES=(a)\n", ""},
      {"#MODULES=(a)\nMODULES=(b)", "b"},
      {"MODULES=(a # not c\n  b\n)\n", "a b"},
      {"MODULES=(a \\\n b)\n", "a b"},
      {"MODULES=(\"a\" 'b')\n", "a b"},
      {"MODULES=(a)\nMODULES=(b)\n", "b"},
      {"MODULES=(a)\nMODULES+=(b)\n", "a b"},
      {"MODULES=(a)\nMODULES=(b ${MODULES[@]})\n", "b a"},
      {"MODULES=(a)\nMODULES=(b \"${MODULES[@]}\")\n", "b a"},
      {"MODULES=\"a\"\nMODULES=\"$MODULES b\"\n", "a b"},
      {"MODULES=(a)\nMODULES=(b \"${MODULES[*]}\" c)\n", "b a c"},
      {"if true; then\n  MODULES=(a)\nfi\n", "a"},
      {"BINARIES=(x)\nHOOKS=(base)\n", ""},
      {"MODULES = (a)\n", ""},
      {"MODULES=(a", "a"},
      {"MODULES=\"a", "a"},
      {"MODULES=(a);HOOKS=(b)\n", "a"},
      {"MODULES=(crc32c-intel? $OTHER ${MORE:-x y})\n", "crc32c-intel? $OTHER ${MORE:-x y}"},
      {"", ""},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(list(row.text, "MODULES") == row.modules);
  }
}

TEST_CASE("A word knows the line that it stands in") {
  const auto words =
      list_after(parse_assignments("c", "# one\nHOOKS=(base\n  udev # x\n  kms)\n"), "HOOKS");
  REQUIRE(words.size() == 3);
  CHECK(words[0].where == Place{"c", 2});
  CHECK(words[1].where == Place{"c", 3});
  CHECK(words[2].where == Place{"c", 4});
}

TEST_CASE("A preset says which images are built, and from what") {
  const auto presets = parse_preset("linux.preset",
                                    "ALL_config=\"/etc/mkinitcpio.conf\"\n"
                                    "ALL_kver=\"/boot/vmlinuz-linux\"\n"
                                    "PRESETS=('default' 'fallback')\n"
                                    "#default_config=\"/etc/other.conf\"\n"
                                    "default_image=\"/boot/initramfs-linux.img\"\n"
                                    "default_options=\"--splash /usr/share/x.bmp\"\n"
                                    "#default_uki=\"/efi/EFI/Linux/arch-linux.efi\"\n"
                                    "fallback_config=\"/etc/fallback.conf\"\n"
                                    "fallback_uki=\"/efi/EFI/Linux/arch-fallback.efi\"\n"
                                    "fallback_options=\"-S autodetect\"\n");
  REQUIRE(presets.size() == 2);
  const MkinitcpioPreset first{"default",
                               "/boot/initramfs-linux.img",
                               "",
                               ConfigWord{"/etc/mkinitcpio.conf", {"linux.preset", 1}},
                               {"--splash", "/usr/share/x.bmp"},
                               std::nullopt};
  CHECK(presets[0] == first);
  const MkinitcpioPreset second{"fallback",
                                "",
                                "/efi/EFI/Linux/arch-fallback.efi",
                                ConfigWord{"/etc/fallback.conf", {"linux.preset", 8}},
                                {"-S", "autodetect"},
                                std::nullopt};
  CHECK(presets[1] == second);
}

TEST_CASE("A preset that only a shell understands is known as such") {
  const auto presets = parse_preset("p",
                                    "PRESETS=(default other)\n"
                                    "default_image=/boot/${base}.img\n"
                                    "other_image=/boot/other.img\n");
  REQUIRE(presets.size() == 2);
  CHECK(presets[0].unclear == Place{"p", 2});
  CHECK_FALSE(presets[1].unclear.has_value());
  CHECK(parse_preset("p", "").empty());
  CHECK(parse_preset("p", "default_image=/boot/a\n").empty());
}

}  // namespace vfio_switch
