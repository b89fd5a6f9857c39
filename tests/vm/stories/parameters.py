# SPDX-License-Identifier: GPL-3.0-or-later
"""An IOMMU that is off: enable has the boot loader pass the parameter, by the loader's own tools, and rollback takes it
back. The loader starts every boot."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from guest import BootResult, OBSERVE, differences
from harness import AUDIO, BOOT_GPU, GPU, NATIVE, TAKEN
from loader_disk import EFI_PACKAGES, GRUB_PACKAGES, KERNEL_WORDS, ROOT_UUID, EfiGuest, GrubGuest, LoaderGuest, packages
from loaders import SETTINGS, STARTED, Machine, set_up
from story import Stage, story

PARAMETER = "intel_iommu=on"
# Debian's kernels turn the IOMMU on by themselves. With this word in front of all that the loader passes the kernel is
# one that does not, since the last one counts. It is in the loader's files only while the loader reads them, and what
# runs in the guest is not to see it, for it stands for the default.
DEFAULT_OFF = "intel_iommu=off"
HIDE = f"""
sed 's/{DEFAULT_OFF} //' /proc/cmdline >/run/vm/cmdline
mount --bind /run/vm/cmdline /proc/cmdline
"""
LATER = "whether the card is isolated can be checked only after it"
IOMMUS = 'echo "IOMMUS" /sys/class/iommu/*\n'
ACTIVE = "echo ACTIVE-BEGIN; vfio-switch status --json; echo ACTIVE-END\n"


class DefaultOff(LoaderGuest):
    """A guest whose kernel leaves the IOMMU off unless it is told, and whose loader's settings say nothing of it."""

    WORDS = " ".join(word for word in KERNEL_WORDS.split() if word != PARAMETER)
    MENU = ""       # files that say what the kernel gets, as shell patterns
    PASSED = ""     # what is in front of that in a line, for sed
    SETTINGS = ""   # a shell command that says what the settings pass
    ANEW = ""       # a shell command: the loader's tool writes all entries
    SAYS = ""       # what the tool says that enable runs, if it runs one

    def boot(self, job: str = OBSERVE, **options) -> BootResult:
        self.chroot("sh", "-euc", f"""for file in {self.MENU}; do
            cp -a "$file" "$file.kept"
            sed -i 's,^{self.PASSED},&{DEFAULT_OFF} ,' "$file"
            grep -q '{DEFAULT_OFF}' "$file"
        done""")
        kept = f'for file in {self.MENU}; do mv "$file.kept" "$file" || exit 1; done\n'
        return super().boot(f"{kept}{HIDE}{job}", **options)

    def lines(self) -> dict[str, list[str]]:
        """What each entry passes, as its file says."""
        raise NotImplementedError

    def settings(self) -> list[str]:
        return self.chroot("sh", "-euc", self.SETTINGS).stdout.split()

    def files(self) -> dict[str, str]:
        """Every file that a change could reach."""
        listing = self.chroot("sh", "-euc", "cd /; [ ! -d efi ] || find efi -type f -exec sha256sum {} +").stdout
        mounted = {path: digest for digest, path in (line.split("  ", 1) for line in listing.splitlines())}
        return self.manifest("/etc", "/boot") | mounted

    def write_anew(self, record: Path) -> None:
        """As for a new kernel: every entry is made from the settings."""
        self.chroot("sh", "-euc", f"rm {self.MENU}; {self.ANEW}", record=record)


class DefaultOffGrub(DefaultOff, GrubGuest):
    """Debian's GRUB, which starts the first entry of its menu."""

    MENU = "/boot/grub/grub.cfg"
    PASSED = r"\s*linux\s\+\S\+\s\+"
    SETTINGS = """
        . /etc/default/grub
        for file in /etc/default/grub.d/*.cfg; do [ ! -e "$file" ] || . "$file"; done
        echo "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT" """
    ANEW = "update-grub"
    SAYS = "Generating grub configuration file"

    def lines(self) -> dict[str, list[str]]:
        found, name = {}, ""
        for line in self.read_file(self.MENU).decode().splitlines():
            if entry := re.match(r"\s*menuentry .*\$menuentry_id_option '([^']*)'", line):
                name = entry[1]
            elif passed := re.match(r"\s*linux\s+\S+\s+(.*)", line):
                found[name] = passed[1].split()
        return found


class DefaultOffEfi(DefaultOff, EfiGuest):
    """systemd-boot, and the entries that kernel-install makes."""

    MENU = "/efi/loader/entries/*.conf"
    PASSED = r"options\s\+"
    SETTINGS = "cat /etc/kernel/cmdline"
    ANEW = """
        for kernel in /boot/vmlinuz-*; do
            release=${kernel#/boot/vmlinuz-}
            kernel-install add "$release" "$kernel" "/boot/initrd.img-$release"
        done"""

    def lines(self) -> dict[str, list[str]]:
        said = self.chroot("sh", "-euc", f"grep -H ^options {self.MENU}").stdout
        return {Path(name).stem: passed.split()[1:]
                for name, passed in (line.split(":", 1) for line in said.splitlines())}


def iommus(boot: BootResult) -> list[str]:
    """What is in /sys/class/iommu."""
    (line,) = (line for line in boot.output.splitlines() if line.startswith("IOMMUS "))
    return [name for path in line.split()[1:] if (name := path.rsplit("/", 1)[1]) != "*"]


def with_parameter(lines: dict[str, list[str]]) -> dict[str, list[str]]:
    """Each usual entry with the parameter behind all that it had; one for recovery as it was."""
    return {name: words if "single" in words else [*words, PARAMETER] for name, words in lines.items()}


def in_any_order(lines: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: sorted(words) for name, words in lines.items()}


def life(told: Machine) -> None:
    """Off, enable, written anew, on, rollback, off."""
    stage, machine = told.stage, told.guest
    machine.remove(SETTINGS)
    before, settings, entries = machine.files(), machine.settings(), machine.lines()
    rooted = [name for name, words in entries.items() if f"root=UUID={ROOT_UUID}" in words]
    stage.equal(rooted, list(entries), "before enable: every entry has its root")
    stage.check(entries and not any(PARAMETER in words for words in [settings, *entries.values()]),
                "before enable: none has the parameter", repr(entries))

    boot = told.boot(told.default(), "the IOMMU is off", NATIVE, f"{IOMMUS}vfio-switch enable 2>&1 || exit 1\n",
                     record_sysfs=True, timeout=300)
    stage.equal((iommus(boot), boot.functions[GPU].group), ([], None), "the IOMMU is off: there is none, and no group")
    if machine.SAYS:
        stage.check(machine.SAYS in boot.output, "enable runs the loader's own tool", boot.output)
    stage.check(LATER in boot.output, "enable says that isolation is judged after the reboot", boot.output)
    stage.equal(machine.settings(), [*settings, PARAMETER],
                "enabled: the settings have the parameter, and all that they had")
    stage.equal(machine.lines(), with_parameter(entries),
                "enabled: every entry has the parameter, and all that it had")

    machine.write_anew(told.record)
    # Where it stands in a line is the tool's own business.
    stage.equal(in_any_order(machine.lines()), in_any_order(with_parameter(entries)),
                "written anew: every entry has the parameter still, and all that it had")

    (old,) = machine.kernels()
    told.new_kernel()
    (new,) = {*machine.kernels()} - {old}
    seen = machine.lines()
    stage.check(len(seen) > len(entries), "a new kernel: it has an entry", repr(seen))
    stage.equal([name for name, words in seen.items() if "single" not in words and words.count(PARAMETER) != 1], [],
                "a new kernel: every entry has the parameter once")
    machine.chroot("dpkg", "--purge", f"linux-image-{new}", record=told.record)
    told.ask("the new kernel removed")

    boot = told.boot(told.default(), "the IOMMU is on", TAKEN, f"{IOMMUS}{ACTIVE}vfio-switch rollback 2>&1 || exit 1\n",
                     timeout=300)
    stage.check(iommus(boot), "the IOMMU is on", boot.output)
    stage.equal(boot.claimed_in, "realroot", "the IOMMU is on: no image was built, and the real root decides")
    groups = {address: boot.functions[address].group for address in (BOOT_GPU, GPU, AUDIO)}
    stage.check(groups[GPU] is not None and groups[GPU] == groups[AUDIO] != groups[BOOT_GPU],
                "the IOMMU is on: the card has a group of its own", repr(groups))
    status = json.loads(boot.output.split("ACTIVE-BEGIN\n")[1].split("ACTIVE-END")[0])
    stage.equal(([device["active"] for device in status["devices"]], status["refusals"], status["notes"]),
                ([True, True], [], []), "the IOMMU is on: active, and isolation is judged")
    stage.equal(differences(before, machine.files(), [r"efi/loader/random-seed"]), [],
                "rollback: every file is as before, byte for byte")
    stage.equal(machine.lines(), entries, "rollback: every entry is as before")

    # Not told.boot: with the IOMMU off and nothing enabled no card is asked about.
    boot = stage.boot(machine, f"{OBSERVE}{STARTED}{IOMMUS}")
    told.is_entry(boot, told.default(), "rolled back")
    stage.drivers(boot, NATIVE, "rolled back")
    stage.equal((iommus(boot), boot.claimed_in), ([], "none"),
                "rolled back: the IOMMU is off, and vfio-pci claims nothing")


def tell(stage: Stage, machine: DefaultOff, debs: Path) -> None:
    with machine, tempfile.TemporaryDirectory(prefix="vm-loader-") as scratch:
        life(set_up(stage, machine, debs, Path(scratch)))


@story("grub-parameter", needs_deb=True, minutes=3, why="whose edits cli/test_boot_parameters.py has on roots")
def grub_parameter(stage: Stage) -> None:
    """GRUB on a BIOS, and an IOMMU that is off: enable turns it on through update-grub, rollback takes it back."""
    tell(stage, DefaultOffGrub(stage.name), packages("grub", GRUB_PACKAGES))


@story("efi-parameter", needs_deb=True, minutes=3, why="whose edits cli/test_boot_parameters.py has on roots")
def efi_parameter(stage: Stage) -> None:
    """The same with systemd-boot on UEFI: its entries and /etc/kernel/cmdline, which kernel-install makes them from."""
    tell(stage, DefaultOffEfi(stage.name, entries=True, unified=False), packages("efi", EFI_PACKAGES))
