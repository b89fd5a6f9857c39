# SPDX-License-Identifier: GPL-3.0-or-later
"""An IOMMU that is off: the parameter goes through the real update-grub, and comes out again."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from guest import BootResult, Guest, OBSERVE, differences, unpack_record
from harness import AUDIO, BOOT_GPU, GPU, NATIVE, TAKEN
from loader_disk import install, packages
from package import PACKAGE, STATUS, status_of
from story import Stage, story

# GRUB's scripts and what they need that the guest has not got.
GRUB_PACKAGES = [
    "dmsetup", "gettext-base", "grub-common", "grub2-common", "libbrotli1", "libdevmapper1.02.1", "libefiboot1",
    "libefivar1", "libfreetype6", "libfuse2", "libpng16-16",
]
GRUB_CFG = "/boot/grub/grub.cfg"
SETTINGS = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
"""
# As the guest's installation would have left it.
INSTALL_GRUB = "update-grub 2>&1\n"
# Debian's kernels turn the IOMMU on by themselves. With this word in front of all that GRUB passes the kernel is one
# that does not, since the last one counts; what runs in the guest is not to see it, for it stands for the default.
DEFAULT_OFF = "intel_iommu=off"
HIDE = f"""
sed 's/^{DEFAULT_OFF} //' /proc/cmdline >/run/vm/cmdline
mount --bind /run/vm/cmdline /proc/cmdline
"""


@dataclass(frozen=True)
class Entry:
    """What GRUB would start by itself: the first entry of its menu."""

    kernel: str     # the release
    passed: str     # the kernel's command line

    @staticmethod
    def default(machine: Guest) -> "Entry":
        menu = machine.read_file(GRUB_CFG).decode()
        first = menu[menu.index("\nmenuentry "):]
        kernel, passed = re.search(r"^\s*linux\s+/boot/vmlinuz-(\S+)\s+(.*)$", first, re.MULTILINE).groups()
        return Entry(kernel, passed.strip())


def boot_by_grub(stage: Stage, machine: Guest, entry: Entry, job: str, **options) -> BootResult:
    """Boots what GRUB would start, with a kernel that leaves the IOMMU off unless it is told."""
    return stage.boot(machine, HIDE + OBSERVE + job, kernel=entry.kernel, passed=f"{DEFAULT_OFF} {entry.passed}",
                      **options)


@story("grub", needs_deb=True, minutes=3, why="whose edits cli/test_boot_parameters.py has on roots")
def grub(stage: Stage) -> None:
    """The guest starts with the IOMMU off: enable turns it on through update-grub, rollback takes it back."""
    with Guest("grub") as machine, tempfile.TemporaryDirectory(prefix="vm-grub-") as scratch:
        install(machine, packages("grub", GRUB_PACKAGES))
        machine.write_file("/etc/default/grub", SETTINGS)
        machine.write_file(GRUB_CFG, "", 0o444)

        # grub-probe has to see the machine's own disk: GRUB's scripts run in the guest alone.
        (current,) = machine.kernels()
        boot = boot_by_grub(stage, machine, Entry(current, "root=/dev/vda ro quiet"), INSTALL_GRUB, record_sysfs=True)
        stage.drivers(boot, NATIVE, "the IOMMU is off")
        stage.equal(boot.functions[GPU].group, None, "the IOMMU is off: there is no group")
        off = unpack_record(boot.sysfs, Path(scratch, "off"))
        entry = Entry.default(machine)
        stage.check(re.fullmatch(r"root=\S+ ro +quiet", entry.passed),
                    "GRUB's own entry passes nothing about the IOMMU", entry.passed)

        watched = ("/etc", "/boot")
        machine.copy_in(stage.deb, PACKAGE)
        settings = machine.manifest("/etc/default", "/boot/grub")
        said = machine.chroot("apt-get", "install", "-y", PACKAGE, record=off).stdout
        stage.check("boot-parameter: this kernel needs intel_iommu=on" in said, "installing says which parameter is missing", said)
        stage.equal(differences(settings, machine.manifest("/etc/default", "/boot/grub")), [],
                    "installing changes no boot parameter")
        before = machine.manifest(*watched)

        boot = boot_by_grub(stage, machine, entry, f"vfio-switch enable 2>&1\n{STATUS}")
        stage.drivers(boot, NATIVE, "before the reboot")
        said = boot.output
        stage.check("Generating grub configuration file" in said, "enable runs the real update-grub", said)
        stage.check("whether the card is isolated can be checked only after it" in said, "enable says that isolation is judged after the reboot", said)
        changed = Entry.default(machine)
        stage.equal(changed, Entry(entry.kernel, f"{entry.passed} intel_iommu=on"), "GRUB's entry passes the parameter")
        status = status_of(said)
        stage.equal(([kernel["staged"] for kernel in status["kernels"]], status["refusals"]), ([True], []),
                    "before the reboot: staged, and nothing in the way")
        stage.check(any("whether the card is isolated can be checked only after it" in note for note in status["notes"]),
                    "before the reboot: status says that isolation is judged later", repr(status["notes"]))

        winners = {order["device"]: order["winner"] for order in status["load_order"]}

        boot = boot_by_grub(stage, machine, changed, f"{STATUS}vfio-switch rollback 2>&1\n")
        stage.as_expected(boot, winners, entry.kernel, "IOMMU turned on")
        stage.drivers(boot, TAKEN, "after the reboot")
        stage.equal(boot.claimed_in, "realroot", "after the reboot: no image was built, and the real root decides")
        groups = {address: boot.functions[address].group for address in (BOOT_GPU, GPU, AUDIO)}
        stage.check(groups[GPU] is not None and groups[GPU] == groups[AUDIO] != groups[BOOT_GPU],
                    "after the reboot: the card has a group of its own", repr(groups))
        status = status_of(boot.output)
        stage.equal(([device["active"] for device in status["devices"]], status["refusals"], status["notes"]),
                    ([True, True], [], []), "after the reboot: active, and isolation is judged")
        stage.equal(differences(before, machine.manifest(*watched)), [],
                    "rollback: the parameter is gone from every file, byte for byte")
        stage.equal(Entry.default(machine), entry, "rollback: GRUB's entry is as it was")
