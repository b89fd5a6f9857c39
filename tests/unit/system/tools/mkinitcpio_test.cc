// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/tools/mkinitcpio.h"

#include <string>
#include <vector>

#include "system/temporary_root.h"

namespace vfio_switch {

using test::TemporaryRoot;
using test::value_of;
using Words = std::vector<std::string>;

namespace {

const std::string image = "/boot/initramfs-linux.img";

void put_preset(const TemporaryRoot& root, const std::string& preset) {
  root.write("/lib/modules/6.17.9-arch1-1/pkgbase", "linux\n");
  root.write("/etc/mkinitcpio.d/linux.preset", preset);
}

}  // namespace

TEST_CASE("The image of a preset is built as the preset says, beside the old one") {
  const TemporaryRoot root;
  put_preset(root,
             "PRESETS=(default)\ndefault_config=/etc/own.conf\n"
             "default_image=/boot/initramfs-linux.img\ndefault_options=\"-S autodetect\"\n");
  const auto build = value_of(Mkinitcpio::build(*root.reader(), "6.17.9-arch1-1", image));
  CHECK(build.command.program == "mkinitcpio");
  CHECK(build.command.arguments == Words{"-k", "6.17.9-arch1-1", "-g", build.written, "-c",
                                         "/etc/own.conf", "-S", "autodetect"});
  CHECK(build.written != image);
}

TEST_CASE("A preset that only a shell understands is not guessed at") {
  const TemporaryRoot root;
  put_preset(
      root,
      "PRESETS=(default)\ndefault_image=/boot/initramfs-linux.img\ndefault_options=$options\n");
  const auto build = Mkinitcpio::build(*root.reader(), "6.17.9-arch1-1", image);
  REQUIRE_FALSE(build.has_value());
  CHECK(build.error().message ==
        "/etc/mkinitcpio.d/linux.preset:3 uses shell syntax that vfio-switch cannot read, so "
        "/boot/initramfs-linux.img cannot be built under another name first");
}

}  // namespace vfio_switch
