# SPDX-License-Identifier: GPL-3.0-or-later
"""The package while it stays: upgrades, an aborted removal, drivers and headers that arrive."""

import subprocess
import tempfile
from pathlib import Path

from guest import Guest, differences
from package import PACKAGE, rebuilds
from story import Stage, story

SOFTDEP_CONF = "/etc/modprobe.d/00-vfio-softdep.conf"
CONTROL = """\
Package: vendor
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: a driver's configuration, as vendors ship it
"""


def vendor_package(directory: Path) -> Path:
    """A package that brings a softdep of its own for the card's driver."""
    tree = directory / "vendor"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(CONTROL)
    conf = tree / "usr/lib/modprobe.d/a-vendor.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("softdep radeon post: snd\n")
    package = directory / "vendor.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, package], check=True, stdout=subprocess.DEVNULL)
    return package


@story("maintenance", needs_deb=True)
def maintenance(stage: Stage) -> None:
    """Upgrades change nothing, a driver's package refreshes the set-up, an aborted removal restores it."""
    with Guest("maintenance") as machine, tempfile.TemporaryDirectory(prefix="vm-vendor-") as scratch:
        record = stage.untouched().record
        machine.copy_in(stage.deb, PACKAGE)
        machine.write_file("/etc/vfio-switch.conf", "initramfs = always\n")
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        (current,) = machine.kernels()
        ours = ("/etc/modprobe.d", "/etc/modules-load.d", "/var/lib/vfio-switch/state.json")
        before = machine.manifest(*ours[:2])

        said = machine.chroot("dpkg", "-i", PACKAGE, record=record).stdout
        stage.equal(rebuilds(said), [], "an upgrade builds no image")
        stage.equal(differences(before, machine.manifest(*ours[:2])), [], "an upgrade changes no file")

        machine.copy_in(vendor_package(Path(scratch)), "/root/vendor.deb")
        said = machine.chroot("dpkg", "-i", "/root/vendor.deb", record=record).stdout
        stage.check(machine.exists(SOFTDEP_CONF), "a vendor's softdep arrives: the merged line is written", said)
        stage.equal(rebuilds(said), [f"/boot/initrd.img-{current}"], "a vendor's softdep arrives: one build")
        stage.check(b"softdep radeon pre: vfio-pci post: snd\n" in machine.read_file(SOFTDEP_CONF),
                    "the merged line keeps what the vendor asks for")
        said = machine.chroot("dpkg", "--purge", "vendor", record=record).stdout
        stage.check(not machine.exists(SOFTDEP_CONF), "the vendor goes: so does the merged line", said)
        stage.equal(rebuilds(said), [f"/boot/initrd.img-{current}"], "the vendor goes: one build")
        stage.equal(differences(before, machine.manifest(*ours[:2])), [], "the vendor goes: the files are as before")

        # dkms may find a driver's source when headers arrive; nothing changed, so nothing is said.
        for hook in ("postinst.d", "header_postinst.d"):
            said = machine.chroot("run-parts", "--arg", current, "--regex", "^dkms-vfio-switch$",
                                  f"/etc/kernel/{hook}", record=record).stdout
            stage.equal(said, "", f"/etc/kernel/{hook}: silent where there is nothing to do")

        scripts = "/var/lib/dpkg/info/vfio-switch"
        said = machine.chroot(f"{scripts}.prerm", "remove", record=record).stdout
        stage.check(not machine.exists("/etc/modprobe.d/vfio.conf"), "before the removal the files go", said)
        stage.equal(rebuilds(said), [], "before the removal no image is built")
        said = machine.chroot(f"{scripts}.postinst", "abort-remove", record=record).stdout
        stage.equal(differences(before, machine.manifest(*ours[:2])), [], "an aborted removal restores the files")
        stage.equal(rebuilds(said), [f"/boot/initrd.img-{current}"], "an aborted removal builds the image once")
        stage.check(b'"intent": "enabled"' in machine.read_file(ours[2]), "an aborted removal keeps the intent")

        machine.append_file("/etc/modprobe.d/vfio.conf", "# mine\n")
        done = machine.chroot("apt-get", "purge", "-y", "vfio-switch", record=record, check=False)
        stage.equal(done.returncode, 0, "an edited file does not keep the package from going")
        left = machine.read_file("/etc/modprobe.d/vfio.conf")
        stage.check(left.endswith(b"#vfio-switch# # mine\n") and all(line.startswith(b"#") for line in left.splitlines()),
                    "every line of the edited file is commented out", done.stdout)
