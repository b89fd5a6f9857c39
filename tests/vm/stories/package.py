# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian package on a real machine: from its installation to its removal."""

import json
import re
import tempfile
from pathlib import Path

import root
from guest import BootResult, Guest, OBSERVE, differences, unpack_record
from harness import AUDIO, GPU, NATIVE, TAKEN
from story import ESCAPE, Stage, story

PACKAGE = "/root/vfio-switch.deb"
STATUS = "echo STATUS-BEGIN; vfio-switch status --json; echo STATUS-END\n"
VFIO = {GPU: "vfio-pci", AUDIO: "vfio-pci"}
HOST = {GPU: "radeon", AUDIO: "snd_hda_intel"}

# What may differ once the package is gone, and why.
LEFT_BY_REMOVAL = [
    r"etc/kernel/header_postinst\.d",                           # holds a conffile
    r"etc/kernel/(header_)?postinst\.d/dkms-vfio-switch",       # conffiles stay until the purge
]
LEFT_BY_APT = [
    r"var/(lib/dpkg|lib/apt|log|cache)/.*",                     # the package managers' own books
]


def status_of(text: str) -> dict:
    """What `vfio-switch status --json` said in a job or a chroot."""
    return json.loads(text.split("STATUS-BEGIN\n")[1].split("STATUS-END")[0])


def check_status(stage: Stage, boot: BootResult, intent: str | None, next_boot: str, when: str) -> None:
    """status tells staged from active, and agrees with sysfs."""
    status = status_of(boot.output)
    stage.equal((status["intent"], status["next_boot"]), (intent, next_boot), f"{when}: status knows what is wanted")
    stage.equal({device["address"]: device["driver"] for device in status["devices"]},
                {address: boot.functions[address].driver for address in (GPU, AUDIO)},
                f"{when}: status shows the drivers that sysfs shows")
    expected = {GPU: "vfio-pci", AUDIO: "vfio-pci"} if intent == "enabled" else HOST
    stage.equal({device["address"]: device["active"] for device in status["devices"]},
                {address: boot.functions[address].driver == driver for address, driver in expected.items()},
                f"{when}: status says active exactly where it is so")
    if intent is not None:
        stage.equal([kernel["staged"] for kernel in status["kernels"]], [True] * len(status["kernels"]),
                    f"{when}: every kernel is staged")


def foreign_changes(before: dict[str, str], machine: Guest) -> list[str]:
    """What changed outside the package's own files and its state directory."""
    owned = {line.lstrip("/") for line in machine.chroot("dpkg", "-L", "vfio-switch").stdout.splitlines()}
    ignored = [*LEFT_BY_APT, *map(re.escape, owned), "var/lib/vfio-switch(/.*)?"]
    return differences(before, machine.manifest("/etc", "/boot", "/usr", "/var"), ignored)


def rebuilds(output: str) -> list[str]:
    """The images that update-initramfs said it built, in order."""
    return re.findall(r"update-initramfs: Generating (\S+)", output)


@story("package", needs_deb=True)
def package(stage: Stage) -> None:
    """Install, reboot, disable, enable, kernel upgrade, removal: the card follows each time."""
    with Guest("package") as machine, tempfile.TemporaryDirectory(prefix="vm-record-") as scratch:
        (current,) = machine.kernels()
        paths = ("/etc", "/boot", "/usr", "/var")
        machine.write_file("/etc/vfio-switch.conf", "initramfs = always\n")
        before, image_before = machine.manifest(*paths), machine.image_manifest(current)
        machine.copy_in(stage.deb, PACKAGE)

        boot = stage.boot(machine, f"{OBSERVE}apt-get install -y {PACKAGE} 2>&1\n{STATUS}", timeout=400)
        stage.drivers(boot, NATIVE, "installing")
        stage.equal(len(rebuilds(boot.output)), 1, "installing builds the image once")
        check_status(stage, boot, "enabled", "vfio", "installed, not rebooted")

        boot = stage.boot(machine, OBSERVE + STATUS, record_sysfs=True, predict=stage.untouched().record,
                          when="after the reboot")
        stage.drivers(boot, TAKEN, "after the reboot")
        stage.equal(boot.claimed_in, "initramfs", "after the reboot: claimed in the initramfs")
        check_status(stage, boot, "enabled", "vfio", "after the reboot")
        record = unpack_record(boot.sysfs, Path(scratch))

        boot = stage.boot(machine, OBSERVE + STATUS, cmdline=ESCAPE, predict=record, when="vfio-pci.ids=")
        stage.drivers(boot, NATIVE, "with vfio-pci.ids= on the command line")

        said = machine.chroot("vfio-switch", "disable", record=record).stdout
        stage.equal(len(rebuilds(said)), 1, "disable builds the image once")
        boot = stage.boot(machine, OBSERVE + STATUS, predict=record, when="disabled")
        stage.drivers(boot, NATIVE, "disabled")
        stage.equal(boot.claimed_in, "none", "disabled: vfio-pci claims nothing")
        check_status(stage, boot, "disabled", "host", "disabled")

        machine.chroot("vfio-switch", "enable", record=record)
        release, kernel_package = root.older_kernel_package()
        machine.copy_in(kernel_package, "/opt/vm/linux.deb")
        said = machine.chroot("dpkg", "-i", "/opt/vm/linux.deb", record=record).stdout
        stage.equal(rebuilds(said), [f"/boot/initrd.img-{release}"], "a new kernel's image is built once, and no other")
        boot = stage.boot(machine, OBSERVE + STATUS, kernel=release, predict=record, when="enabled, a new kernel")
        stage.drivers(boot, TAKEN, f"enabled, kernel {release}")
        stage.equal(boot.claimed_in, "initramfs", f"enabled, kernel {release}: claimed in the initramfs")
        check_status(stage, boot, "enabled", "vfio", f"enabled, kernel {release}")

        said = machine.chroot("apt-get", "remove", "-y", "vfio-switch", record=record).stdout
        stage.equal(sorted(rebuilds(said)), sorted(f"/boot/initrd.img-{k}" for k in (current, release)),
                    "removal builds each image once")
        machine.chroot("dpkg", "--purge", f"linux-image-{release}")
        machine.remove("/opt/vm/linux.deb")
        image = differences(image_before, machine.image_manifest(current))
        stage.equal(image, [], "after the removal the image holds the same as before")
        # No two builds of an image are equal byte for byte; its content is compared above.
        ignored = [*LEFT_BY_REMOVAL, *LEFT_BY_APT, rf"boot/initrd\.img-{re.escape(current)}"]
        stage.equal(differences(before, machine.manifest(*paths), ignored), [],
                    "after the removal the files are the same as before")
        boot = stage.boot(machine, OBSERVE)
        stage.drivers(boot, NATIVE, "removed")
        machine.chroot("apt-get", "purge", "-y", "vfio-switch")
        ignored = [*LEFT_BY_APT, rf"boot/initrd\.img-{re.escape(current)}"]
        stage.equal(differences(before, machine.manifest(*paths), ignored), [], "the purge leaves nothing")


@story("fallback", needs_deb=True)
def fallback(stage: Stage) -> None:
    """Without vfio-pci.ko, in the image and in the root, the native drivers take the card."""
    with Guest("fallback") as machine:
        record = stage.untouched().record
        machine.copy_in(stage.deb, PACKAGE)
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        machine.chroot("sh", "-euc", "find /usr/lib/modules -name 'vfio-pci.ko*' -delete; "
                       "depmod \"$(ls /usr/lib/modules)\"; update-initramfs -u", record=record)
        boot = stage.boot(machine, OBSERVE + STATUS, predict=record, when="without vfio-pci.ko")
        stage.drivers(boot, NATIVE, "without vfio-pci.ko")
        status = status_of(boot.output)
        stage.equal((status["intent"], status["next_boot"]), ("enabled", "host"),
                    "status says that the host keeps the card")


@story("no-candidate", needs_deb=True)
def no_candidate(stage: Stage) -> None:
    """One GPU: the installation changes nothing, succeeds, and says why in at most five lines."""
    with Guest("no-candidate", "one-gpu") as machine:
        record = stage.untouched("one-gpu").record
        machine.copy_in(stage.deb, PACKAGE)
        before = machine.manifest("/etc", "/boot", "/usr", "/var")
        done = machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        said = done.stdout.split("Setting up vfio-switch")[1].split("\n", 1)[1].splitlines()
        said = [line for line in said if not line.startswith("Processing triggers")]
        reasons = [line for line in said if not line.startswith("    ")]  # what can be done about each is below it
        stage.check("only-gpu" in "".join(said) and len(reasons) <= 5, "it says why, in at most five lines", done.stdout)
        stage.equal(rebuilds(done.stdout), [], "no image is built")
        stage.equal(foreign_changes(before, machine), [], "nothing changes outside the package's own files")


@story("full-boot", needs_deb=True)
def full_boot(stage: Stage) -> None:
    """A full /boot: enable is refused before update-initramfs would fail, and every file is as before."""
    with Guest("full-boot") as machine:
        record = stage.untouched().record
        machine.copy_in(stage.deb, PACKAGE)
        machine.write_file("/etc/vfio-switch.conf", "device = none\n")
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        machine.write_file("/etc/vfio-switch.conf", "initramfs = always\n")
        # A file system of its own, with room for the images that are there and not for one more.
        done = machine.chroot("sh", "-uc", """
            mkdir /run/small; size=$(du -sk /boot | cut -f1)
            mount -t tmpfs -o size=$((size + 2048))k small /run/small
            cp -a /boot/. /run/small; mount --bind /run/small /boot
            digest() { (find /etc /boot -type f -exec sha256sum {} +; find /etc /boot -printf '%p %y %m %U %G\\n') | sort; }
            digest >/run/before; vfio-switch enable 2>&1; echo "EXIT $?"; digest >/run/after
            diff /run/before /run/after && echo SAME
        """, record=record, check=False)
        stage.check("EXIT 3\n" in done.stdout, "enable is refused with exit status 3", done.stdout)
        stage.check(re.search(r"no-space: /boot has \d+ MiB free, and building its images needs \d+ MiB", done.stdout),
                    "it says how much is free and how much is needed", done.stdout)
        stage.check(done.stdout.endswith("SAME\n"), "every file is as before", done.stdout)


@story("foreign", needs_deb=True)
def foreign(stage: Stage) -> None:
    """Installed where /sys is another system's: set-up is pending, and nothing is touched."""
    def install(name: str, prepare: str, **how) -> None:
        with Guest(name) as machine:
            machine.copy_in(stage.deb, PACKAGE)
            before = machine.manifest("/etc", "/boot", "/usr", "/var")
            done = machine.chroot("sh", "-euc", f"{prepare}\napt-get install -y {PACKAGE} 2>&1", record=record,
                                  check=False, **how)
            stage.equal(done.returncode, 0, f"{name}: the installation succeeds")
            stage.check("setup is pending" in done.stdout, f"{name}: it says that the set-up is pending", done.stdout)
            stage.equal(foreign_changes(before, machine), [], f"{name}: nothing else is touched")

    record = stage.untouched().record
    install("chroot", "", process_one=False)
    install("container", "mkdir -p /run/systemd; echo docker >/run/systemd/container")
    # debootstrap's second stage runs in a chroot without anything mounted but /proc.
    install("second-stage", "umount /sys || true", process_one=False)
