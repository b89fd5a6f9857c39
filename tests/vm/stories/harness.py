# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories without the package: they prove that the harness sees what it claims to see."""

import root
from guest import Guest, OBSERVE, differences
from story import Stage, story

BOOT_GPU = "0000:00:02.0"
GPU = "0000:01:00.0"
AUDIO = "0000:01:00.1"
NATIVE = {BOOT_GPU: "bochs-drm", GPU: "radeon", AUDIO: "snd_hda_intel"}
TAKEN = {BOOT_GPU: "bochs-drm", GPU: "vfio-pci", AUDIO: "vfio-pci"}

VFIO_CONF = """\
softdep radeon pre: vfio-pci
softdep snd_hda_intel pre: vfio-pci
options vfio-pci ids=1002:5159,8086:2668
"""


@story("baseline")
def baseline(stage: Stage) -> None:
    """An untouched guest: native drivers, a clean IOMMU group, a sysfs that can be recorded."""
    boot = stage.untouched().boot
    stage.drivers(boot, NATIVE, "untouched")
    stage.equal(boot.claimed_in, "none", "untouched: vfio-pci claims nothing")
    stage.equal(boot.functions[GPU].module, "radeon", "the driver's module is seen")
    stage.equal([boot.functions[address].boot_vga for address in (BOOT_GPU, GPU)], ["1", "0"],
                "the other GPU is the boot display")
    groups = [boot.functions[address].group for address in (BOOT_GPU, GPU, AUDIO)]
    stage.check(None not in groups and groups[1] == groups[2] != groups[0],
                "the card has an IOMMU group of its own", repr(groups))

    with Guest("baseline") as machine:
        seen = machine.chroot("sh", "-c", f"cd /sys/bus/pci/devices/{GPU}; cat vendor modalias; "
                              "readlink -f driver/module iommu_group; cat /proc/cmdline; readlink -f /proc/1/root",
                              record=stage.untouched().record).stdout.splitlines()
    stage.equal([seen[0], seen[1][:28], *seen[2:4], seen[-1]],
                ["0x1002", "pci:v00001002d00005159sv0000", "/sys/module/radeon",
                 f"/sys/kernel/iommu_groups/{groups[1]}", "/"],
                "a chroot sees the guest's hardware and is a machine of its own")
    stage.check("init=/opt/vm/init" in seen[4], "a chroot sees the guest's command line", seen[4])


@story("by-hand")
def by_hand(stage: Stage) -> None:
    """What the guides say, by hand: vfio-pci takes the card, the command line gives it back."""
    with Guest("by-hand") as machine:
        (current,) = machine.kernels()
        before, image_before = machine.manifest("/etc", "/usr/lib/modules"), machine.image_manifest(current)
        machine.write_file("/etc/modprobe.d/vfio.conf", VFIO_CONF)
        machine.append_file("/etc/initramfs-tools/modules", "vfio-pci\n")
        machine.chroot("update-initramfs", "-u")
        image = differences(image_before, machine.image_manifest(current))
        stage.check(any(line.startswith("etc/modprobe.d/vfio.conf: absent") for line in image),
                    "the image's content can be compared", "\n".join(image))

        boot = stage.boot(machine)
        stage.drivers(boot, TAKEN, "by hand")
        stage.equal(boot.claimed_in, "initramfs", "by hand: claimed in the initramfs")
        stage.equal(boot.facts["vfio-groups"], boot.functions[GPU].group, "the group's node is in /dev/vfio")

        boot = stage.boot(machine, cmdline="vfio-pci.ids=")
        stage.drivers(boot, NATIVE, "with vfio-pci.ids= on the command line")
        stage.equal(boot.claimed_in, "none", "with vfio-pci.ids= on the command line: nothing is claimed")

        release, package = root.older_kernel_package()
        machine.copy_in(package, "/opt/vm/linux.deb")
        machine.chroot("dpkg", "-i", "/opt/vm/linux.deb")
        boot = stage.boot(machine, f"{OBSERVE}uname -r\n", kernel=release)
        stage.check(boot.output.endswith(f"{release}\n"), f"kernel {release} boots", boot.output)
        stage.drivers(boot, TAKEN, f"kernel {release}")
        stage.equal(boot.claimed_in, "initramfs", f"kernel {release}: claimed in the initramfs")

        machine.chroot("dpkg", "--purge", f"linux-image-{release}")
        machine.remove("/opt/vm/linux.deb")
        machine.remove("/etc/modprobe.d/vfio.conf")
        modules = machine.read_file("/etc/initramfs-tools/modules")
        machine.write_file("/etc/initramfs-tools/modules", modules.removesuffix(b"vfio-pci\n"))
        machine.chroot("update-initramfs", "-u")
        stage.equal(differences(before, machine.manifest("/etc", "/usr/lib/modules")), [],
                    "all taken back: the files are the same as before")
        stage.equal(differences(image_before, machine.image_manifest(current)), [],
                    "all taken back: the image holds the same as before")


@story("systemd", minutes=1, why="which is the harness's own proof")
def systemd(stage: Stage) -> None:
    """The same untouched guest under a real systemd."""
    with Guest("systemd") as machine:
        boot = stage.boot(machine, f"{OBSERVE}ps -p 1 -o comm= 2>/dev/null || cat /proc/1/comm\n"
                          "systemctl --failed --no-legend\n", init="systemd")
        stage.drivers(boot, NATIVE, "under systemd")
        stage.equal(boot.output.splitlines()[-1], "systemd", "process 1 is systemd, and no unit failed")


@story("machines", minutes=2, why="which is the harness's own proof")
def machines(stage: Stage) -> None:
    """The other machines that stories can ask for are what they say they are."""
    def boot(name: str):
        with Guest(name, name) as machine:
            return stage.boot(machine, f"{OBSERVE}ls /sys/kernel/iommu_groups/*/devices || true\n")

    seen = stage.untouched("twins").boot
    stage.equal([seen.functions[address].id for address in (GPU, "0000:02:00.0")], ["1002:5159"] * 2,
                "twins: two cards have the same ids")
    stage.drivers(seen, NATIVE | {"0000:02:00.0": "radeon", "0000:02:00.1": "snd_hda_intel",
                                  "0000:01:00.2": "serial"}, "twins")

    seen = boot("dirty-group")
    (card,) = (f for f in seen.functions.values() if f.driver == "radeon")
    listing = seen.output.split(f"/sys/kernel/iommu_groups/{card.group}/devices:\n")[1].split("\n\n")[0]
    stage.equal(len(listing.split()), 4, f"dirty-group: bridge, card, audio and USB share a group: {listing.split()}")

    seen = boot("same-ids")
    stage.drivers(seen, {BOOT_GPU: "bochs-drm", GPU: "bochs-drm"}, "same-ids")
    stage.equal({function.id for function in seen.functions.values()}, {"1234:1111"}, "same-ids: one id pair")

    seen = boot("no-iommu")
    stage.drivers(seen, NATIVE, "no-iommu")
    stage.equal({function.group for function in seen.functions.values()}, {None}, "no-iommu: no group")

    seen = stage.untouched("one-gpu").boot
    stage.equal(list(seen.functions), [BOOT_GPU], "one-gpu: the boot GPU is alone")
