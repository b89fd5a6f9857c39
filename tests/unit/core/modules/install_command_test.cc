// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/modules/install_command.h"

#include "catch.h"

using namespace vfio_switch;

namespace {

using Calls = std::vector<ModprobeCall>;

}  // namespace

TEST_CASE("The install commands that distributions ship are followed") {
  CHECK(parse_install_command("modprobe -i nvidia-current $CMDLINE_OPTS") ==
        Calls{{"nvidia-current", true}});
  CHECK(
      parse_install_command("modprobe nvidia ; modprobe -i nvidia-current-modeset $CMDLINE_OPTS") ==
      Calls{{"nvidia", false}, {"nvidia-current-modeset", true}});
  CHECK(parse_install_command(
            "/sbin/modprobe --ignore-install snd && { /sbin/modprobe -q snd-seq; : ; }") ==
        Calls{{"snd", true}, {"snd-seq", false}});
  CHECK(parse_install_command("modprobe vfio-pci ids=10de:1d01 || true") ==
        Calls{{"vfio-pci", false}});
}

TEST_CASE("The script that binds by address loads vfio-pci") {
  CHECK(parse_install_command("/usr/lib/vfio-switch/bind $CMDLINE_OPTS; modprobe -i vfio-pci") ==
        Calls{{"vfio-pci", true}, {"vfio-pci", true}});
  CHECK_FALSE(parse_install_command("/usr/lib/vfio-switch/other"));
}

TEST_CASE("A command that loads nothing has no calls") {
  CHECK(parse_install_command("/bin/false") == Calls{});
  CHECK(parse_install_command("/bin/true # never") == std::nullopt);
  CHECK(parse_install_command("") == Calls{});
  CHECK(parse_install_command("modprobe") == Calls{});
}

TEST_CASE("What cannot be followed is not guessed") {
  CHECK_FALSE(parse_install_command("/usr/local/bin/load-it nouveau"));
  CHECK_FALSE(parse_install_command("modprobe `cat /etc/driver`"));
  CHECK_FALSE(parse_install_command("modprobe \"nvidia\""));
  CHECK_FALSE(parse_install_command("modprobe -i vfio[_]pci"));
  CHECK_FALSE(parse_install_command("modprobe -C /tmp/other nvidia"));
  CHECK_FALSE(parse_install_command("insmod /root/nvidia.ko"));
  CHECK_FALSE(parse_install_command("test -e /x && modprobe nvidia"));
}
