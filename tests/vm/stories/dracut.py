# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that dracut makes under our module: what they do, and those that stay free of it."""

import os
import re
from pathlib import Path

from guest import Guest, OBSERVE
from harness import NATIVE, TAKEN
from images import with_dracut
from package import PACKAGE
from story import Stage, story
from twins import NATIVE as TWINS_NATIVE
from twins import OVERRIDES
from twins import TAKEN as TWINS_TAKEN
from twins import check

EVERYTHING = os.environ.get("VFIO_SWITCH_ALL_IMAGES") == "1"
# The emulated machine hangs now and then if radeon is loaded before bochs: udev must not choose. What host-only
# needs for the root file system it cannot see here.
CONF = """\
hostonly="yes"
hostonly_cmdline="no"
add_drivers+=" virtio_blk virtio_pci ext4 "
force_drivers+=" bochs "
"""


def install(stage: Stage, machine: Guest, record: Path, conf: str) -> str:
    """dracut takes the place of initramfs-tools, and the package is installed; what that said."""
    with_dracut(machine)
    machine.chroot("rm", "/usr/sbin/mkinitramfs", "/usr/sbin/update-initramfs")
    machine.write_file("/etc/dracut.conf.d/10-test.conf", conf)
    machine.copy_in(stage.deb, PACKAGE)
    return machine.chroot("apt-get", "install", "-y", PACKAGE, record=record).stdout


def held(machine: Guest, image: str) -> list[str]:
    """The files of ours, and of vfio-pci, in an image of dracut's."""
    listed = machine.chroot("lsinitrd", image).stdout
    return sorted(name for name in re.findall(r"^-\S+ .* (\S+)$", listed, re.MULTILINE) if "vfio" in name)


@story("dracut", needs_deb=True)
def dracut(stage: Stage) -> None:
    """Under dracut: taken, the escape, disabled, and the rescue image; then twins, by address."""
    record = stage.untouched().record
    with Guest("dracut") as machine:
        (current,) = machine.kernels()
        image = f"/boot/initrd.img-{current}"
        said = install(stage, machine, record, CONF)
        stage.check("etc/modprobe.d/vfio.conf" in held(machine, image), "installing has dracut build the image", said)
        stage.check(not machine.exists("/etc/modules-load.d/vfio.conf"), "nothing is put where dracut would copy it from")

        boot = stage.boot(machine, foretell=record, when="enabled")
        stage.drivers(boot, TAKEN, "enabled")
        stage.equal(boot.claimed_in, "initramfs", "enabled: claimed in the initramfs")

        boot = stage.boot(machine, cmdline="vfio-pci.ids=")
        stage.drivers(boot, NATIVE, "with vfio-pci.ids= on the command line")
        stage.equal(boot.claimed_in, "none", "with vfio-pci.ids= on the command line: nothing is claimed")

        # In the place of the kernel's own image, so that status is asked about it.
        machine.chroot("sh", "-euc", f"cp {image} /boot/kept; dracut --force --no-hostonly --add drm {image} {current}")
        # dracut itself follows the root's softdeps when it takes modules along.
        stage.equal([name for name in held(machine, image) if "/kernel/drivers/vfio" not in name], [],
                    "the rescue image holds nothing of ours")
        boot = stage.boot(machine, cmdline="vfio-pci.ids=")
        stage.drivers(boot, NATIVE, "the rescue image, with vfio-pci.ids=")
        if EVERYTHING:
            status = machine.chroot("vfio-switch", "status", "--json", record=record).stdout
            stage.check('"next_boot":"mixed"' in status.replace(" ", ""), "the rescue image: status says mixed", status)
            boot = stage.boot(machine)
            stage.drivers(boot, TAKEN | {"0000:01:00.0": "radeon"}, "the rescue image alone")
        else:
            stage.skip("the rescue image alone", "contrib/check --all has it")
        machine.chroot("mv", "/boot/kept", image)

        machine.chroot("vfio-switch", "disable", record=record)
        stage.equal([name for name in held(machine, image) if name != "etc/modprobe.d/vfio.conf"], [],
                    "disabled: no part of ours in the image")
        boot = stage.boot(machine, foretell=record, when="disabled")
        stage.drivers(boot, NATIVE, "disabled")
        stage.equal(boot.claimed_in, "none", "disabled: vfio-pci claims nothing")

    record = stage.untouched("twins").record
    # Without systemd in the image, where dracut's own init calls the hooks.
    conf = CONF + 'omit_dracutmodules+=" systemd systemd-initrd dracut-systemd "\n'
    with Guest("dracut-twins", "twins") as machine:
        install(stage, machine, record, conf)
        machine.chroot("vfio-switch", "enable", "--device", "01:00.0", record=record)
        boot = stage.boot(machine, OBSERVE + OVERRIDES, foretell=record, when="by address")
        check(stage, boot, TWINS_TAKEN, "by address")
        stage.equal(boot.claimed_in, "initramfs", "by address: claimed in the initramfs")
        if EVERYTHING:
            boot = stage.boot(machine, OBSERVE + OVERRIDES, cmdline="vfio-pci.ids=")
            check(stage, boot, TWINS_NATIVE, "by address, with vfio-pci.ids=")
