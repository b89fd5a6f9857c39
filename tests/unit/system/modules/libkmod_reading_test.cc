// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/modules/libkmod_reading.h"

#include <string>

#include "catch.h"
#include "system/temporary_root.h"

namespace vfio_switch {

namespace {

/// What the libkmod of this machine makes of `text`, compared with what we make of `ours`.
std::optional<std::string> difference(const std::string& text, const std::string& ours) {
  const test::TemporaryRoot root;
  root.write("/modprobe.d/a.conf", text);
  return libkmod_difference(parse_modprobe(ModprobeFile{"a.conf", ours}),
                            {root.outside("/modprobe.d").string()});
}

}  // namespace

TEST_CASE("libkmod's own word agrees with what is told of the same text") {
  const char* const texts[] = {
      "",
      "softdep nouveau pre: vfio-pci\nsoftdep snd-hda-intel post: a b pre: c\n",
      "softdep nvidia pre: a,b post: c\nsoftdep nvidia  pre: x\n",
      "softdep x pre: a post: b pre: c\n",
      "options vfio-pci\tids=10de:1d01\t x=1  \nblacklist nou\\\nveau\n",
      "install nvidia modprobe -i nvidia-current $CMDLINE_OPTS\nremove nvidia /bin/true\n",
      "alias pci:v000010DEd[0-9]* nvidia-current\nalias a b-c\nsoftdep n[v-x]* pre: a\n",
  };
  for (const auto* text : texts) {
    INFO(text);
    CHECK(difference(text, text).value_or("") == "");
  }
}

TEST_CASE("libkmod's own word is told from another reading") {
  const std::string text = "softdep nouveau pre: vfio-pci\nblacklist radeon\n";
  for (const auto* other : {
           "softdep nouveau pre: vfio-pci\n",
           "blacklist radeon\n",
           "softdep nouveau pre: vfio\nblacklist radeon\n",
           "softdep nvidia pre: vfio-pci\nblacklist radeon\n",
           "softdep nouveau pre: vfio-pci\nblacklist radeon\nblacklist amdgpu\n",
           "softdep nouveau pre: vfio-pci\nblacklist radeon\noptions a b\n",
       }) {
    INFO(other);
    CHECK(difference(text, other));
    CHECK(difference(other, text));
  }
}

}  // namespace vfio_switch
