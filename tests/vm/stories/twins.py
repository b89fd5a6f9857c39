# SPDX-License-Identifier: GPL-3.0-or-later
"""Two identical cards, one for the host and one for the guest; the guest's is bound by address."""

from pathlib import Path

import root
from guest import MACHINES, BootResult, Guest, OBSERVE, differences
from package import LEFT_BY_APT, PACKAGE
from story import Stage, story

# 0000:01:00.2 has a driver that is built into the kernel.
CARD = {"0000:01:00.0": "radeon", "0000:01:00.1": "snd_hda_intel", "0000:01:00.2": "serial"}
HOST = {"0000:00:02.0": "bochs-drm", "0000:02:00.0": "radeon", "0000:02:00.1": "snd_hda_intel"}
NATIVE = CARD | HOST
TAKEN = HOST | dict.fromkeys(CARD, "vfio-pci")
OVERRIDES = """
for device in /sys/bus/pci/devices/*; do
    read -r override <"$device/driver_override"
    [ "$override" = "(null)" ] || echo "override ${device##*/} $override"
done
"""
HOOK = "/usr/share/initramfs-tools/hooks/vfio-switch"


def check(stage: Stage, boot: BootResult, drivers: dict[str, str], when: str) -> None:
    """Who has which function, and that an override stands exactly where vfio-pci does."""
    stage.drivers(boot, drivers, when)
    found = {line.split()[1]: line.split()[2] for line in boot.output.splitlines() if line.startswith("override ")}
    stage.equal(found, {address: driver for address, driver in drivers.items() if driver == "vfio-pci"},
                f"{when}: no override is left behind")


def set_up(stage: Stage, machine: Guest, record: Path) -> None:
    """The package, and the first card for virtual machines; booted once."""
    machine.copy_in(stage.deb, PACKAGE)
    said = machine.chroot("apt-get", "install", "-y", PACKAGE, record=record).stdout
    stage.check("ambiguous: " in said, "of two free cards none is taken unasked", said)
    machine.chroot("vfio-switch", "enable", "--device", "01:00.0", record=record)
    stage.check(b"ids=" not in b"".join(line for line in machine.read_file("/etc/modprobe.d/vfio.conf").splitlines()
                                        if not line.startswith(b"#")), "vfio.conf gives no ids")
    boot = stage.boot(machine, OBSERVE + OVERRIDES, predict=record, when="by address")
    check(stage, boot, TAKEN, "by address")
    stage.equal(boot.claimed_in, "initramfs", "by address: claimed in the initramfs")


@story("twins", needs_deb=True)
def twins(stage: Stage) -> None:
    """By address through a reboot, an escape at the boot menu and a purge."""
    record = stage.untouched("twins").record
    with Guest("twins", "twins") as machine:
        before = machine.manifest("/etc", "/usr")
        set_up(stage, machine, record)

        boot = stage.boot(machine, OBSERVE + OVERRIDES, cmdline="vfio-pci.ids=")
        check(stage, boot, NATIVE, "with vfio-pci.ids= on the command line")
        stage.equal(boot.claimed_in, "none", "with vfio-pci.ids= on the command line: nothing is claimed")

        machine.chroot("apt-get", "purge", "-y", "vfio-switch", record=record)
        machine.remove(PACKAGE)
        stage.equal(differences(before, machine.manifest("/etc", "/usr"), LEFT_BY_APT), [], "the purge leaves nothing")


@story("twins-life", needs_deb=True, minutes=5, why="'twins' has the boot, the escape and the purge of it")
def twins_life(stage: Stage) -> None:
    """By address through a kernel upgrade, a foreign card, an image without us, a missing vfio-pci and a disable."""
    record = stage.untouched("twins").record
    with Guest("twins-life", "twins") as machine:
        (current,) = machine.kernels()
        before = machine.manifest("/etc", "/usr")
        set_up(stage, machine, record)

        release, package = root.older_kernel_package()
        machine.copy_in(package, "/opt/vm/linux.deb")
        machine.chroot("dpkg", "-i", "/opt/vm/linux.deb", record=record)
        boot = stage.boot(machine, OBSERVE + OVERRIDES, kernel=release, predict=record, when="a new kernel")
        check(stage, boot, TAKEN, "a new kernel")
        stage.equal(boot.claimed_in, "initramfs", "a new kernel: claimed in the initramfs")

        machine.machine = MACHINES["other-card"]
        boot = stage.boot(machine, OBSERVE + OVERRIDES)
        check(stage, boot, HOST | {"0000:01:00.0": "bochs-drm"}, "another card in the slot")
        stage.equal(boot.claimed_in, "none", "another card in the slot: nothing is claimed")
        machine.machine = MACHINES["twins"]

        # Without our part in the image the real root decides: the softdeps, and the unit.
        machine.chroot("sh", "-euc", f"mv {HOOK} /opt/vm/hook; mv /etc/modprobe.d/vfio.conf /opt/vm; "
                       f"update-initramfs -u -k {current}; mv /opt/vm/hook {HOOK}; mv /opt/vm/vfio.conf /etc/modprobe.d",
                       record=record)
        boot = stage.boot(machine, f"{OBSERVE}{OVERRIDES}systemctl --failed --no-legend\n"
                          "systemctl is-active vfio-switch-bind\n", init="systemd")
        check(stage, boot, TAKEN, "in the real root alone")
        stage.equal(boot.claimed_in, "realroot", "in the real root alone: claimed there")
        stage.equal(boot.output.splitlines()[-1], "active", "in the real root alone: the unit has run")
        machine.chroot("update-initramfs", "-u", "-k", current, record=record)

        machine.chroot("sh", "-euc", f"find /usr/lib/modules/{release} -name 'vfio-pci.ko*' -delete; "
                       f"depmod {release}; update-initramfs -u -k {release}", record=record)
        boot = stage.boot(machine, OBSERVE + OVERRIDES, kernel=release, predict=record, when="without vfio-pci.ko")
        check(stage, boot, NATIVE, "without vfio-pci.ko")

        machine.chroot("vfio-switch", "disable", record=record)
        boot = stage.boot(machine, OBSERVE + OVERRIDES, predict=record, when="disabled")
        check(stage, boot, NATIVE, "disabled")
        stage.equal(boot.claimed_in, "none", "disabled: nothing is claimed")

        machine.chroot("apt-get", "purge", "-y", "vfio-switch", f"linux-image-{release}", record=record)
        machine.remove(PACKAGE)
        stage.equal(differences(before, machine.manifest("/etc", "/usr"), LEFT_BY_APT), [], "the purge leaves nothing")
