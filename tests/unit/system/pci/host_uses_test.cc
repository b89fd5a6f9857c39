// SPDX-License-Identifier: GPL-3.0-or-later
#include "system/pci/host_uses.h"

#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "system/pci/sysfs.h"
#include "system/temporary_root.h"

namespace vfio_switch {

namespace {

using enum HostUse::Kind;
using Uses = std::vector<HostUse>;
using Names = std::vector<std::string>;

const std::string controller = "0000:02:00.0";
const std::string above = "/sys/devices/pci0000:00/" + controller;

/// Block devices as sysfs has them: name, number, and the way to them behind the controller.
void add_block(const test::TemporaryRoot& root, const std::string& name, const std::string& number,
               const std::string& place) {
  root.write(place + "/dev", number + "\n");
  root.link("/sys/class/block/" + name, "../.." + place.substr(4));
}

/// A controller with the disk sdb and its partition sdb1, of which nothing is used.
struct Machine {
  Machine() {
    root.write(above + "/class", "0x010601\n");
    root.link("/sys/bus/pci/devices/" + controller, "../../../devices/pci0000:00/" + controller);
    add_block(root, "sdb", "8:16", disk);
    add_block(root, "sdb1", "8:17", disk + "/sdb1");
    root.write(disk + "/sdb1/partition", "1\n");
    mounts("");
  }

  void mounts(const std::string& lines) const {
    root.write("/proc/self/mountinfo", "24 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n" + lines);
  }

  [[nodiscard]] PciDevice device() {
    const auto reader = root.reader();
    ForeignFiles foreign(*reader);
    auto devices = test::value_of(read_pci_devices(foreign));
    keyboard_elsewhere = read_host_uses(*reader, devices);
    REQUIRE(devices.size() == 1);
    return devices.front();
  }

  test::TemporaryRoot root;
  std::string disk = above + "/ata2/host1/target1:0:0/1:0:0:0/block/sdb";
  bool keyboard_elsewhere = false;
};

}  // namespace

TEST_CASE("A disk that nothing uses is known, and free") {
  Machine machine;
  const auto device = machine.device();
  CHECK(device.disks == Names{"sdb"});
  CHECK(device.uses == Uses{});
  CHECK(device.dependants == Names{"disk sdb", "disk sdb1"});
}

TEST_CASE("Whatever the host uses a disk for is found") {
  using Files = std::vector<std::pair<std::string, std::string>>;
  struct Row {
    std::string what;
    Files files;
    Uses uses;
  };
  const std::string partition = "/sys/class/block/sdb1";
  const std::string swaps = "Filename\tType\tSize\tUsed\tPriority\n";
  const std::string zfs = "/proc/spl/kstat/zfs/tank/state";
  const std::string record = "/run/udev/data/b8:";
  const Row rows[] = {
      {"swap, by number of its row",
       {{"/proc/swaps", swaps + "/dev/sdb1 partition 8 0 -2\n"}},
       {{swap, "sdb1"}}},
      {"md", {{partition + "/holders/md127/size", "1\n"}}, {{assembled, "sdb1", "md127"}}},
      {"LVM, by the name of the volume",
       {{partition + "/holders/dm-3/size", "1\n"}, {"/sys/class/block/dm-3/dm/name", "vg-home\n"}},
       {{assembled, "sdb1", "vg-home"}}},
      {"btrfs, whose mount names another disk",
       {{"/sys/fs/btrfs/1111-2222/devices/sdb1/size", "1\n"}},
       {{assembled, "sdb1", "btrfs"}}},
      {"ZFS",
       {{zfs, "ONLINE\n"},
        {record + "16", "S:disk\n"},
        {record + "17", "E:ID_FS_TYPE=zfs_member\n"}},
       {{assembled, "sdb1", "ZFS"}}},
      {"a member of a pool that is not imported",
       {{record + "17", "E:ID_FS_TYPE=zfs_member\n"}},
       {}},
      {"a pool, and nothing that tells whose",
       {{zfs, "ONLINE\n"}},
       {{unknown, "sdb"}, {unknown, "sdb1"}}},
      {"fstab, by name", {{"/etc/fstab", "/dev/sdb1 /data ext4\n"}}, {{listed, "sdb1", "/data"}}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    Machine machine;
    for (const auto& [path, content] : row.files) {
      const auto at = path.find("/sys/class/block/sdb1");
      machine.root.write(at == 0 ? machine.disk + "/sdb1" + path.substr(partition.size()) : path,
                         content);
    }
    CHECK(machine.device().uses == row.uses);
  }
}

TEST_CASE("A mount is found by its number, by its name, and where it is covered") {
  struct Row {
    std::string line;
    Uses uses;
  };
  const Row rows[] = {
      {"30 24 8:17 / /data rw - ext4 /dev/disk/by-uuid/11 rw\n", {{mounted, "sdb1", "/data"}}},
      {"30 24 0:30 /@ /data rw - btrfs /dev/sdb1 rw\n", {{mounted, "sdb1", "/data"}}},
      {"30 24 0:30 / /data rw - bcachefs /dev/sdc1:/dev/sdb1 rw\n", {{mounted, "sdb1", "/data"}}},
      {"30 24 8:17 / /data rw - ext4 /dev/sdb1 rw\n31 30 0:40 / /data rw - tmpfs none rw\n",
       {{mounted, "sdb1", "/data"}}},
      {"30 24 8:17 / /my\\040data rw - ext4 /dev/sdb1 rw\n", {{mounted, "sdb1", "/my data"}}},
      {"30 24 8:16 / /data rw - ext4 /dev/sdb rw\n", {{mounted, "sdb", "/data"}}},
      {"30 24 8:33 / /data rw - ext4 /dev/sdc1 rw\n", {}},
  };
  for (const auto& row : rows) {
    INFO(row.line);
    Machine machine;
    machine.mounts(row.line);
    CHECK(machine.device().uses == row.uses);
  }
}

TEST_CASE("A line of fstab names a disk by any of its names") {
  Machine machine;
  machine.root.link("/dev/disk/by-uuid/11-22", "../../sdb1");
  machine.root.write("/etc/fstab", "UUID=11-22 /data ext4 noauto 0 0\n");
  CHECK(machine.device().uses == Uses{{listed, "sdb1", "/data"}});
}

TEST_CASE("Without a list of mounts the use of a disk is not known") {
  Machine machine;
  machine.root.write("/proc/self/mountinfo", "");
  CHECK(machine.device().uses == Uses{{unknown, "sdb"}, {unknown, "sdb1"}});
}

TEST_CASE("A disk of NVMe that has several ways is below the controller of each") {
  Machine machine;
  const std::string head = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1";
  add_block(machine.root, "nvme0c3n1", "259:9", above + "/nvme/nvme3/nvme0c3n1");
  add_block(machine.root, "nvme0n1", "259:0", head);
  add_block(machine.root, "nvme0n1p2", "259:2", head + "/nvme0n1p2");
  machine.root.write(head + "/nvme0n1p2/partition", "2\n");
  machine.mounts("30 24 259:2 / /home rw - ext4 /dev/nvme0n1p2 rw\n");
  const auto device = machine.device();
  CHECK(device.disks == Names{"nvme0n1", "sdb"});
  CHECK(device.uses == Uses{{mounted, "nvme0n1p2", "/home"}});
}

TEST_CASE("The default route is followed through a bridge to the card") {
  struct Row {
    std::string what;
    std::string file;
    std::string line;
    Uses uses;
  };
  const std::string zeros(32, '0');
  const std::string of_ipv4 = "Iface\tDestination\tGateway \tFlags\n";
  const std::string of_ipv6 = zeros + " 00 " + zeros + " 00 " + zeros + " 00000400 1 0 00000003 ";
  const Row rows[] = {
      {"IPv4",
       "route",
       of_ipv4 + "enp2s0\t00000000\t0102A8C0\t3\t0\t0\t100\t00000000\t0\t0\t0\n",
       {{route, "enp2s0"}}},
      {"a bridge",
       "route",
       of_ipv4 + "br0\t00000000\t0102A8C0\t3\t0\t0\t100\t00000000\t0\t0\t0\n",
       {{route, "enp2s0"}}},
      {"no default route",
       "route",
       of_ipv4 + "enp2s0\t0002A8C0\t00000000\t1\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
       {}},
      {"half of all",
       "route",
       of_ipv4 + "enp2s0\t00000000\t0102A8C0\t3\t0\t0\t100\t00000080\t0\t0\t0\n",
       {}},
      {"IPv6", "ipv6_route", of_ipv6 + "enp2s0\n", {{route, "enp2s0"}}},
      {"the route that rejects", "ipv6_route", of_ipv6 + "lo\n", {}},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    Machine machine;
    const std::string net = "/sys/class/net/";
    machine.root.write(above + "/net/enp2s0/mtu", "1500\n");
    machine.root.link(net + "enp2s0", "../../devices/pci0000:00/" + controller + "/net/enp2s0");
    machine.root.link("/sys/devices/virtual/net/br0/lower_enp2s0", "../enp2s0");
    machine.root.link(net + "br0", "../../devices/virtual/net/br0");
    machine.root.write("/proc/net/" + row.file, row.line);
    CHECK(machine.device().uses == row.uses);
  }
}

TEST_CASE("A keyboard is below a controller or elsewhere") {
  const auto add_keyboard = [](const test::TemporaryRoot& root, const std::string& name,
                               const std::string& place, const std::string& keys) {
    root.write(place + "/capabilities/key", keys + "\n");
    root.link("/sys/class/input/" + name, "../.." + place.substr(4));
  };
  Machine machine;
  add_keyboard(machine.root, "input3", above + "/usb1/1-1/input/input3", "fffffffffffffffe");
  CHECK(machine.device().keyboard);
  CHECK_FALSE(machine.keyboard_elsewhere);
  CHECK(machine.device().dependants.back() == "the only keyboard");
  add_keyboard(machine.root, "input4", "/sys/devices/platform/i8042/input4", "10000000000000 0");
  CHECK(machine.device().dependants.back() == "the only keyboard");
  add_keyboard(machine.root, "input5", "/sys/devices/platform/i8042/input5", "fffffffffffffffe");
  CHECK(machine.device().dependants == Names{"disk sdb", "disk sdb1"});
  CHECK(machine.device().keyboard);
  CHECK(machine.keyboard_elsewhere);
}

}  // namespace vfio_switch
