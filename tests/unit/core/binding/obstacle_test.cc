// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/binding/obstacle.h"

#include "catch.h"

namespace vfio_switch {

TEST_CASE("What keeps a module away on the command line is what the kernel and modprobe heed") {
  const std::string module = "snd_hda_intel";
  CHECK(obstacle_of({}, "ro modprobe.blacklist=a,snd_hda_intel", module) ==
        Item(Parameter{"modprobe.blacklist=a,snd_hda_intel"}));
  CHECK(obstacle_of({}, "ro module_blacklist=snd_hda_intel quiet", module) ==
        Item(Parameter{"module_blacklist=snd_hda_intel"}));
  // The kernel compares names as they stand, and knows the last word alone.
  CHECK_FALSE(obstacle_of({}, "module_blacklist=snd-hda-intel", module));
  CHECK_FALSE(obstacle_of({}, "module_blacklist=snd_hda_intel module_blacklist=a", module));
}

}  // namespace vfio_switch
