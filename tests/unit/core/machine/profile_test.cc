// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/profile.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

using test::error_of;
using test::has_text;
using test::value_of;

TEST_CASE("A profile is read from its file") {
  const auto profile = value_of(parse_profile("debian.conf",
                                              "# Debian\n"
                                              "id = debian\n"
                                              "initramfs = update-initramfs\n"
                                              "initramfs = dracut\n"
                                              "initramfs-image = /boot/initrd.img-%k\n"
                                              "initramfs-image = /boot/%k/initrd\n"));
  CHECK(profile.id == "debian");
  CHECK(profile.initramfs ==
        std::vector{InitramfsGenerator::update_initramfs, InitramfsGenerator::dracut});
  CHECK(profile.initramfs_images ==
        std::vector<std::string>{"/boot/initrd.img-%k", "/boot/%k/initrd"});
}

TEST_CASE("A wrong line of a profile is named with file, number and remedy") {
  struct Row {
    std::string text;
    std::string where;
    std::string why;
  };
  const Row rows[] = {
      {"id = a\nid = b\n", "p.conf:2: ", "twice"},
      {"id = a\nshell = yes\n", "p.conf:2: ", "'shell' is not a profile key"},
      {"id = a\n\ninitramfs = booster\n",
       "p.conf:3: ", "'booster' (known: limine-mkinitcpio, mkinitcpio, "},
      {"id =\n", "p.conf:1: ", "has no value"},
      {"id = a\ninitramfs-image = boot/initrd-%k\n", "p.conf:2: ", "absolute"},
      {"id = a\ninitramfs-image = /boot/initrd\n", "p.conf:2: ", "%k"},
      {"id = a\ninitramfs-image = /boot/initrd-%v\n", "p.conf:2: ", "%k"},
      {"id debian\n", "p.conf:1: ", "key = value"},
      {"initramfs = update-initramfs\ninitramfs-image = /boot/%k\n", "p.conf: ", "'id' is missing"},
      {"id = a\ninitramfs-image = /boot/%k\n", "p.conf: ", "'initramfs' is missing"},
      {"id = a\ninitramfs = update-initramfs\n", "p.conf: ", "'initramfs-image' is missing"},
      {"", "p.conf: ", "'id' is missing"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto error = error_of(parse_profile("p.conf", row.text));
    CHECK(error.kind == ErrorKind::usage);
    CHECK_THAT(error.message, has_text(row.where));
    CHECK_THAT(error.message, has_text(row.why));
    CHECK_FALSE(error.remedy.empty());
  }
}

TEST_CASE("An error about a profile never sends control characters to the terminal") {
  const auto error = error_of(parse_profile("p.conf", "id = a\ninitramfs = \x1b[2Jx\n"));
  CHECK(error.message.find('\x1b') == std::string::npos);
}

TEST_CASE("A distribution gets its own profile, else that of its nearest relative") {
  std::vector<Profile> profiles(3);
  profiles[0].id = "arch";
  profiles[1].id = "debian";
  profiles[2].id = "ubuntu";
  struct Row {
    OsRelease os;
    std::string profile;
  };
  const Row rows[] = {
      {{"debian", {}, ""}, "debian"},
      {{"ubuntu", {"debian"}, ""}, "ubuntu"},
      {{"linuxmint", {"ubuntu", "debian"}, ""}, "ubuntu"},
      {{"other", {"debian", "ubuntu"}, ""}, "debian"},
      {{"other", {"unheard-of", "arch"}, ""}, "arch"},
      {{"arch", {"debian"}, ""}, "arch"},
  };
  for (const auto& row : rows) {
    INFO(row.os.id);
    const auto* found = match_profile(profiles, row.os);
    REQUIRE(found != nullptr);
    CHECK(found->id == row.profile);
  }
  CHECK(match_profile(profiles, {"slackware", {}, ""}) == nullptr);
  CHECK(match_profile(profiles, {"slackware", {"unheard-of"}, ""}) == nullptr);
  CHECK(match_profile({}, {"debian", {}, ""}) == nullptr);
}

TEST_CASE("Names take the places that a path has for them, and no others") {
  CHECK(expand_image("/boot/initrd.img-%k", {"6.1.0-56-amd64", "", ""}) ==
        "/boot/initrd.img-6.1.0-56-amd64");
  CHECK(expand_image("/boot/%k/initrd-%k", {"6.1", "", ""}) == "/boot/6.1/initrd-6.1");
  CHECK(expand_image("/boot/%m/%k/initrd", {"6.1", "", "5f0c"}) == "/boot/5f0c/6.1/initrd");
  CHECK(expand_image("/boot/initramfs-%p.img", {"6.6.70-1-lts", "linux-lts", ""}) ==
        "/boot/initramfs-linux-lts.img");
  CHECK(expand_image("/boot/%v%", {"6.1", "linux", "5f0c"}) == "/boot/%v%");
  CHECK(expand_image("/boot/%k/%m/%p", {"%m", "%k", "%p"}) == "/boot/%m/%p/%k");
}

TEST_CASE("A path that wants a name that a kernel has not is no image of it") {
  CHECK(expand_image("/boot/initramfs-%p.img", {"6.1", "", "5f0c"}).empty());
  CHECK(expand_image("/boot/%m/%k/initrd", {"6.1", "linux", ""}).empty());
}

}  // namespace vfio_switch
