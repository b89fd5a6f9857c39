// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/mounts.h"

#include <string>
#include <vector>

#include "catch.h"

namespace vfio_switch {

TEST_CASE("A boot file system that fstab expects and that is not mounted is found") {
  const std::string root = "22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n";
  const std::string boot = "30 22 8:1 / /boot rw,relatime shared:2 - ext4 /dev/sda1 rw\n";
  const std::string esp = "31 22 8:3 / /boot/efi rw shared:3 master:4 - vfat /dev/sda3 rw\n";
  const std::string trigger = "32 22 0:40 / /efi rw,relatime - autofs systemd-1 rw\n";
  struct Row {
    std::string what;
    std::string fstab;
    std::string mountinfo;
    std::vector<std::string> missing;
  };
  const Row rows[] = {
      {"no fstab", "", root, {}},
      {"the root alone", "UUID=1 / ext4 defaults 0 1\n", root, {}},
      {"/boot mounted", "UUID=1 /boot ext4 defaults 0 2\n", root + boot, {}},
      {"/boot not mounted", "UUID=1 /boot ext4 defaults 0 2\n", root, {"/boot"}},
      {"/boot with a slash at its end", "UUID=1\t/boot/\text4\n", root, {"/boot"}},
      {"a line without options", "UUID=1 /boot ext4", root, {"/boot"}},
      {"a comment", "#UUID=1 /boot ext4 defaults 0 2\n", root, {}},
      {"/boot by hand holds images all the same",
       "UUID=1 /boot ext4 noauto 0 2\n",
       root,
       {"/boot"}},
      {"the ESP by hand", "UUID=1 /boot/efi vfat umask=0077,noauto 0 1\n", root, {}},
      {"the ESP not mounted", "UUID=1 /boot/efi vfat umask=0077 0 1\n", root, {"/boot/efi"}},
      {"the ESP mounted", "UUID=1 /boot/efi vfat umask=0077 0 1\n", root + esp, {}},
      {"an automount that was not triggered",
       "UUID=1 /efi vfat noauto,x-systemd.automount 0 1\n",
       root + trigger,
       {"/efi"}},
      {"an automount that was",
       "UUID=1 /efi vfat noauto,x-systemd.automount 0 1\n",
       root + trigger + "33 32 8:4 / /efi rw - vfat /dev/sda4 rw\n",
       {}},
      {"both missing",
       "UUID=1 /boot ext4 defaults\nUUID=2 /boot/efi vfat defaults\n",
       root,
       {"/boot", "/boot/efi"}},
      {"other file systems", "UUID=1 /home ext4 defaults\nUUID=2 none swap sw\n", root, {}},
      {"mountinfo that is torn", "UUID=1 /boot ext4 defaults\n", "30 22 8:1 / /boot rw", {"/boot"}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(unmounted_boot_paths(row.fstab, row.mountinfo) == row.missing);
  }
}

}  // namespace vfio_switch
