// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/mount_table.h"

#include <string>

#include "catch.h"

namespace vfio_switch {

namespace {

const std::string mountinfo =
    "22 1 0:25 /@ / rw,relatime shared:1 - btrfs /dev/nvme0n1p2 rw,subvol=/@\n"
    "23 22 0:5 / /dev rw - devtmpfs udev rw\n"
    "30 22 259:1 / /boot/efi rw,relatime shared:2 - vfat /dev/nvme0n1p1 rw,fmask=0077\n"
    "31 22 0:25 /@home /home rw - btrfs /dev/nvme0n1p2 rw\n"
    "32 22 0:40 / /efi rw,relatime - autofs systemd-1 rw\n"
    "33 22 8:1 / /mnt/my\\040disk rw - ext4 /dev/sda1 rw\n"
    "torn line\n";

std::string place(const MountRow& row, const std::string& path) {
  return path_in_row(row, path).value_or("nowhere");
}

}  // namespace

TEST_CASE("mountinfo tells where file systems are, and which part of them") {
  const auto rows = parse_mount_rows(mountinfo);
  REQUIRE(rows.size() == 5);
  CHECK(rows[0] == MountRow{"/", "/@", "btrfs", "/dev/nvme0n1p2", true});
  CHECK(rows[4].point == "/mnt/my disk");
  CHECK(place(rows[0], "/@/boot/vmlinuz") == "/boot/vmlinuz");
  CHECK(place(rows[0], "/@home/x") == "nowhere");
  CHECK(place(rows[0], "/boot/vmlinuz") == "nowhere");
  CHECK(place(rows[0], "/@") == "/");
  CHECK(place(rows[2], "/EFI/Linux/a.efi") == "/boot/efi/EFI/Linux/a.efi");
  REQUIRE(row_of(rows, "/boot/efi/EFI") != nullptr);
  CHECK(row_of(rows, "/boot/efi/EFI")->point == "/boot/efi");
  CHECK(row_of(rows, "/boot/efiX")->point == "/");
  CHECK(row_of({}, "/boot") == nullptr);
}

TEST_CASE("A later mount covers what is below its point") {
  const auto rows = parse_mount_rows(
      "1 0 0:1 / / rw - rootfs rootfs rw\n"
      "2 1 8:1 / /boot rw - ext4 /dev/sda1 rw\n"
      "3 1 8:2 / / rw - ext4 /dev/sda2 rw\n");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].source == "/dev/sda2");
}

TEST_CASE("fstab tells the same where nothing is mounted") {
  const auto rows = parse_fstab_rows(
      "# comment\nUUID=1111 / btrfs rw,subvol=@,compress=zstd 0 0\n"
      "UUID=\"AB-CD\"\t/boot/\tvfat umask=0077 0 1\nUUID=2 none swap sw 0 0\n"
      "PARTLABEL=x /data btrfs subvol=/a/b 0 0\nshort\n");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0] == MountRow{"/", "/@", "btrfs", "UUID=1111", false});
  CHECK(rows[1] == MountRow{"/boot", "/", "vfat", "UUID=AB-CD", false});
  CHECK(rows[2].root == "/a/b");
}

}  // namespace vfio_switch
