# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that dracut makes under our module: what they do, and those that stay free of it."""

import json
import re
from pathlib import Path

from guest import BootResult, Guest, OBSERVE
from harness import GPU, NATIVE, TAKEN
from images import with_dracut
from package import PACKAGE
from story import ESCAPE, Stage, story
from twins import NATIVE as TWINS_NATIVE
from twins import OVERRIDES
from twins import TAKEN as TWINS_TAKEN
from twins import check

# The emulated machine hangs now and then if radeon is loaded before bochs: udev must not choose. What host-only
# needs for the root file system it cannot see here.
CONF = """\
hostonly="yes"
hostonly_cmdline="no"
add_drivers+=" virtio_blk virtio_pci ext4 "
force_drivers+=" bochs "
"""
SETTINGS = "/etc/vfio-switch.conf"
# What kexec-tools of Fedora ships tells our module that a dump image is being built, by its name alone.
KDUMP_MODULE = """\
#!/bin/bash
check() { return 255; }
install() { return 0; }
"""
# Systemd takes twice as long to start in the emulated machine.
PATIENTLY = {"begin_within": 200}


def prepare(machine: Guest, conf: str) -> None:
    """dracut takes the place of initramfs-tools."""
    with_dracut(machine)
    # What they have pending calls update-initramfs, as long as it is there.
    machine.chroot("dpkg", "--configure", "--pending", "--force-depends")
    machine.chroot("rm", "/usr/sbin/mkinitramfs", "/usr/sbin/update-initramfs")
    machine.write_file("/etc/dracut.conf.d/10-test.conf", conf)


def install(stage: Stage, machine: Guest, record: Path) -> str:
    """Installs the package; what that said."""
    machine.copy_in(stage.deb, PACKAGE)
    return machine.chroot("apt-get", "install", "-y", PACKAGE, record=record).stdout


def held(machine: Guest, image: str, word: str = "vfio") -> list[str]:
    """The files in an image of dracut's that have `word` in their names: by default those of ours, and vfio-pci."""
    listed = machine.chroot("lsinitrd", image).stdout
    return sorted(name for name in re.findall(r"^-\S+ .* (\S+)$", listed, re.MULTILINE) if word in name)


def boot_as_status_says(stage: Stage, machine: Guest, record: Path, summary: str, when: str) -> BootResult:
    """Boots an image that is not as wanted: status predicts what it does."""
    status = json.loads(machine.chroot("vfio-switch", "status", "--json", record=record).stdout)
    stage.equal(status["next_boot"], summary, f"{when}: status says {summary}")
    boot = stage.boot(machine, **PATIENTLY)
    (release,) = machine.kernels()
    stage.as_expected(boot, {order["device"]: order["winner"] for order in status["load_order"]}, release, when)
    return boot


def nothing_to_claim(stage: Stage, machine: Guest, record: Path, image: str) -> None:
    """A host-only image without a driver of the card: the root file system decides, and no build is needed."""
    (current,) = machine.kernels()
    machine.chroot("dracut", "--force", image, current, record=record)
    stage.equal([*held(machine, image), *held(machine, image, "radeon"), *held(machine, image, "snd")], [],
                "the host-only image has nothing to claim")
    before = machine.read_file(image)
    said = install(stage, machine, record)
    stage.check(machine.read_file(image) == before, "nothing to claim: installing has no image built", said)
    stage.check(not machine.exists("/etc/modules-load.d/vfio.conf"), "nothing is put where dracut would copy it from")
    boot = stage.boot(machine, predict=record, when="host-only, nothing to claim", **PATIENTLY)
    stage.drivers(boot, TAKEN, "nothing to claim")
    stage.equal(boot.claimed_in, "realroot", "nothing to claim: claimed in the real root")

    said = machine.chroot("vfio-switch", "disable", record=record).stdout
    stage.check(machine.read_file(image) == before, "nothing to claim: disable has no image built", said)
    boot = stage.boot(machine, predict=record, when="host-only, nothing to claim, disabled", **PATIENTLY)
    stage.drivers(boot, NATIVE, "nothing to claim, disabled")


def rescue_image(stage: Stage, machine: Guest, record: Path, image: str) -> None:
    """In the place of the kernel's own image, so that status is asked about it."""
    (current,) = machine.kernels()
    machine.chroot("sh", "-euc", f"cp {image} /boot/kept; dracut --force --no-hostonly --add drm {image} {current}")
    # dracut itself follows the root's softdeps when it takes modules along.
    stage.equal([name for name in held(machine, image) if "/kernel/drivers/vfio" not in name], [],
                "the rescue image holds nothing of ours")
    boot = stage.boot(machine, cmdline=ESCAPE, predict=record, when="rescue image, vfio-pci.ids=", **PATIENTLY)
    stage.drivers(boot, NATIVE, "the rescue image, with vfio-pci.ids=")
    boot = boot_as_status_says(stage, machine, record, "mixed", "rescue image alone")
    stage.drivers(boot, TAKEN | {GPU: "radeon"}, "the rescue image alone")
    machine.chroot("mv", "/boot/kept", image)


def kdump_images(stage: Stage, machine: Guest) -> dict[str, bytes]:
    """Dump images where Debian and Fedora keep theirs, built while passthrough is enabled; their content."""
    (current,) = machine.kernels()
    machine.write_file("/usr/lib/dracut/modules.d/99kdumpbase/module-setup.sh", KDUMP_MODULE, 0o755)
    machine.chroot("mkdir", "-p", "/var/lib/kdump")
    images = [f"/var/lib/kdump/initrd.img-{current}", f"/boot/initramfs-{current}kdump.img"]
    machine.chroot("sh", "-euc", f"dracut --force --add kdumpbase {images[0]} {current}; cp {images[0]} {images[1]}")
    # Into a host-only image dracut itself copies all of modprobe.d.
    stage.equal([name for name in held(machine, images[0]) if name != "etc/modprobe.d/vfio.conf"], [],
                "a kdump image holds nothing of ours")
    return {image: machine.read_file(image) for image in images}


def twins_by_address(stage: Stage) -> None:
    """Two cards with the same ids. Without systemd in the image, where dracut's own init calls the hooks."""
    record = stage.untouched("twins").record
    with Guest("dracut-twins", "twins") as machine:
        prepare(machine, CONF + 'omit_dracutmodules+=" systemd systemd-initrd dracut-systemd "\n')
        install(stage, machine, record)
        machine.chroot("vfio-switch", "enable", "--device", "01:00.0", record=record)
        boot = stage.boot(machine, OBSERVE + OVERRIDES, predict=record, when="twins, by address")
        check(stage, boot, TWINS_TAKEN, "by address")
        stage.equal(boot.claimed_in, "initramfs", "by address: claimed in the initramfs")
        boot = stage.boot(machine, OBSERVE + OVERRIDES, cmdline=ESCAPE, predict=record, when="twins, vfio-pci.ids=")
        check(stage, boot, TWINS_NATIVE, "by address, with vfio-pci.ids=")


@story("dracut", needs_deb=True, minutes=9, why="whose images and switches the part fedora has without boots")
def dracut(stage: Stage) -> None:
    """Under dracut: nothing to claim, taken, the escape, rescue and kdump images, disabled; twins, by address."""
    record = stage.untouched().record
    with Guest("dracut") as machine:
        (current,) = machine.kernels()
        image = f"/boot/initrd.img-{current}"
        prepare(machine, CONF)
        nothing_to_claim(stage, machine, record, image)

        machine.write_file(SETTINGS, "initramfs = always\n")
        said = machine.chroot("vfio-switch", "enable", record=record).stdout
        stage.check("etc/modprobe.d/vfio.conf" in held(machine, image), "enable has dracut build the image", said)
        boot = stage.boot(machine, predict=record, when="enabled", **PATIENTLY)
        stage.drivers(boot, TAKEN, "enabled")
        stage.equal(boot.claimed_in, "initramfs", "enabled: claimed in the initramfs")

        boot = stage.boot(machine, cmdline=ESCAPE, predict=record, when="vfio-pci.ids=", **PATIENTLY)
        stage.drivers(boot, NATIVE, "with vfio-pci.ids= on the command line")
        stage.equal(boot.claimed_in, "none", "with vfio-pci.ids= on the command line: nothing is claimed")

        rescue_image(stage, machine, record, image)
        dumps = kdump_images(stage, machine)

        machine.chroot("vfio-switch", "disable", record=record)
        stage.equal([name for name in held(machine, image) if name != "etc/modprobe.d/vfio.conf"], [],
                    "disabled: no part of ours in the image")
        boot = stage.boot(machine, predict=record, when="disabled", **PATIENTLY)
        stage.drivers(boot, NATIVE, "disabled")
        stage.equal(boot.claimed_in, "none", "disabled: vfio-pci claims nothing")

        machine.chroot("vfio-switch", "enable", "--rebuild", record=record)
        stage.equal([name for name, content in dumps.items() if machine.read_file(name) != content], [],
                    "kdump images are left alone by disable and enable")
    twins_by_address(stage)
