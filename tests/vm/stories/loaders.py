# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots by the loader's own menu: who gets each function, as status says of each entry, and as the entry shows."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import guest
import root
from guest import BootResult, OBSERVE
from harness import AUDIO, GPU, NATIVE, TAKEN
from loader_disk import EFI_PACKAGES, GRUB_PACKAGES, HOST_WORD, EfiGuest, GrubGuest, LoaderGuest, install, kernels, packages
from package import PACKAGE, rebuilds, status_of
from story import Stage, story

SETTINGS = "/etc/vfio-switch.conf"
# Stays when the package goes, so that it can be asked then as well.
PROGRAM = "/opt/vm/program/usr/bin/vfio-switch"
ASK = f"""
program=$(command -v vfio-switch) || program={PROGRAM}
echo STATUS-BEGIN; $program status --json; echo STATUS-END
"""
STARTED = """
echo "STARTED-RELEASE $(uname -r)"
echo "STARTED-LINE $(cat /proc/cmdline)"
"""
ENABLE = f"""
rm {SETTINGS}
vfio-switch enable 2>&1 || exit 1
"""
NEW_KERNEL = "/opt/vm/linux.deb"


@dataclass(frozen=True)
class Entry:
    """An entry of the boot menu that starts the machine's own system, as status has it."""

    id: str
    release: str
    line: str
    default: bool
    once: bool
    winners: dict[str, str | None]     # by function; None where it is not proved

    @staticmethod
    def menu(status: dict) -> list[Entry]:
        return [Entry(entry["id"], entry["release"], entry["command_line"], entry["default"], entry["once"],
                      {function["device"]: function["winner"] if function["proved"] else None
                       for function in entry["functions"]})
                for entry in status["entries"] if entry["kind"] != "foreign"]  # fmt: skip


def words(line: str) -> list[str]:
    """A command line without what the loader itself says of the files that it loaded."""
    return [word for word in line.split() if not word.startswith(("BOOT_IMAGE=", "initrd="))]


@dataclass
class Machine:
    """A guest with its loader, and what was last said of its menu."""

    stage: Stage
    guest: LoaderGuest
    scratch: Path
    record: Path = Path()
    menu: list[Entry] = field(default_factory=list)

    def ask(self, when: str) -> None:
        """What status says of the menu now, natively: the next boot is about to show it."""
        said = self.guest.chroot("sh", "-c", ASK, record=self.record).stdout
        self.take(said, when)

    def take(self, said: str, when: str) -> None:
        self.menu = Entry.menu(status_of(said))
        proved = [entry.id for entry in self.menu
                  if {GPU, AUDIO} <= entry.winners.keys() and None not in entry.winners.values()]
        self.stage.equal(proved, [entry.id for entry in self.menu],
                         f"{when}: who gets the card is proved for every entry")
        self.stage.equal(len([entry for entry in self.menu if entry.default]), 1, f"{when}: one entry is the default")

    def default(self) -> Entry:
        return next(entry for entry in self.menu if entry.default)

    def other(self, wanted: Callable[[Entry], bool]) -> Entry:
        """Another entry than the default one; the last of those that are wanted."""
        default = self.default()
        return [entry for entry in self.menu if wanted(entry)
                and (entry.release, words(entry.line)) != (default.release, words(default.line))][-1]

    def boot(self, entry: Entry, when: str, drivers: dict[str, str], job: str = "", choose: Entry | None = None,
             **options) -> BootResult:
        """Boots the entry that is to come, and compares. Then the job changes the machine, chooses the entry of
        the next boot, and status says what comes then."""
        choice = self.guest.choose(choose.id) if choose else ""
        boot = self.stage.boot(self.guest, f"{OBSERVE}{STARTED}{job}{choice}{ASK}", **options)
        self.is_entry(boot, entry, when)
        self.stage.as_expected(boot, entry.winners, entry.release, when)
        self.stage.drivers(boot, drivers, when)
        if boot.sysfs:
            shutil.rmtree(self.record)
            guest.unpack_record(boot.sysfs, self.record)
        self.take(boot.output, f"{when}, for the next boot")
        chosen = [entry.id for entry in self.menu if entry.once]
        self.stage.equal(chosen, [choose.id] if choose else [], f"{when}: status knows which entry is chosen for once")
        return boot

    def is_entry(self, boot: BootResult, entry: Entry, when: str) -> None:
        """The loader started this entry and no other."""
        said = dict(line.split(" ", 1) for line in boot.output.splitlines() if line.startswith("STARTED-"))
        self.stage.equal((said["STARTED-RELEASE"], words(said["STARTED-LINE"])), (entry.release, words(entry.line)),
                         f"{when}: the loader started {entry.id}")

    def new_kernel(self) -> None:
        """A kernel upgrade, natively: the default is another entry afterwards."""
        self.guest.chroot("dpkg", "-i", NEW_KERNEL, record=self.record)

    def remove(self) -> None:
        self.guest.chroot("apt-get", "remove", "-y", "vfio-switch", record=self.record)


def set_up(stage: Stage, machine: LoaderGuest, debs: Path, scratch: Path) -> Machine:
    told = installed(stage, machine, debs, scratch)
    told.ask("before enable")
    return told


def installed(stage: Stage, machine: LoaderGuest, debs: Path, scratch: Path) -> Machine:
    """The older kernel, the loader, and the package, which was told to take no card."""
    install(machine, debs)
    archive, (old, new) = kernels()
    with tarfile.open(archive) as both:
        both.extractall(scratch)
    machine.copy_in(scratch / f"{old}.deb", "/opt/vm/old.deb")
    machine.copy_in(scratch / f"{new}.deb", NEW_KERNEL)
    machine.chroot("sh", "-euc", f"dpkg --purge {root.KERNEL} linux-image-{new}\n"
                   "dpkg -i /opt/vm/old.deb; rm /opt/vm/old.deb")
    machine.copy_in(stage.deb, PACKAGE)
    machine.chroot("dpkg", "-x", PACKAGE, "/opt/vm/program")
    machine.write_file(SETTINGS, "device = none\n")
    machine.prepare()
    told = Machine(stage, machine, scratch, scratch / "record")
    # A machine with the same hardware, whoever starts it.
    shutil.copytree(stage.untouched().record, told.record, symlinks=True)
    if isinstance(machine, EfiGuest):
        (told.record / "sys/firmware/efi").mkdir(parents=True)
    machine.chroot("apt-get", "install", "-y", PACKAGE, record=told.record)
    return told


def life(told: Machine, other: Callable[[Entry], bool], other_drivers: dict[str, str], whole: bool) -> None:
    """Before enable, enabled, a new kernel, removed: the default entry and another one each time, or one of the two."""
    (old,) = {entry.release for entry in told.menu}

    def is_old(entry: Entry) -> bool:
        return entry.release == old and not other(entry)

    another = told.other(other)
    if whole:
        told.boot(told.default(), "before enable", NATIVE, choose=another, record_sysfs=True)
        told.boot(another, "before enable, the other entry", NATIVE, ENABLE)
        told.boot(told.default(), "enabled", TAKEN, choose=another)
    else:
        told.boot(told.default(), "before enable", NATIVE, ENABLE, choose=another, record_sysfs=True)
    another = told.other(other)
    told.boot(another, "enabled, the other entry", other_drivers)

    told.new_kernel()
    told.ask("a new kernel")
    told.stage.check(told.default().release != old, "a new kernel: it is the default")
    another = told.other(is_old)
    told.boot(told.default(), "a new kernel", TAKEN, choose=another)
    if whole:
        another = told.other(is_old)
        told.boot(another, "a new kernel, the old one's entry", TAKEN)

    told.remove()
    told.ask("removed")
    another = told.other(is_old)
    if whole:
        told.boot(told.default(), "removed", NATIVE, choose=another)
        another = told.other(is_old)
    told.boot(another, "removed, the old kernel's entry", NATIVE)


def kept_tree(told: Machine, old: str) -> None:
    """A hook keeps the modules of a kernel that goes, for the system that still runs it: nothing boots them."""
    tree, new = f"/lib/modules/{old}", told.default().release
    told.guest.chroot("sh", "-euc", f"cp -a {tree} /opt/vm/kept; dpkg --purge linux-image-{old}\n"
                      f"rm -rf {tree}; mv /opt/vm/kept {tree}", record=told.record)
    told.guest.write_file(SETTINGS, "initramfs = always\n")
    said = told.guest.chroot("dpkg", "-i", PACKAGE, record=told.record).stdout
    told.stage.equal(rebuilds(said), [f"/boot/initrd.img-{new}"], "a kept tree: one build, for the kernel that boots")
    told.ask("a kept tree")
    told.stage.equal({entry.release for entry in told.menu}, {new}, "a kept tree: no entry starts it")


def by_grub(stage: Stage, separate_boot: bool, whole: bool) -> None:
    with GrubGuest(stage.name, separate_boot) as machine, tempfile.TemporaryDirectory(prefix="vm-loader-") as scratch:
        told = set_up(stage, machine, packages("grub", GRUB_PACKAGES), Path(scratch))
        (old,) = {entry.release for entry in told.menu}
        life(told, lambda entry: "single" in words(entry.line), TAKEN, whole)
        kept_tree(told, old)


def by_systemd_boot(stage: Stage, entries: bool, unified: bool, whole: bool) -> None:
    with (EfiGuest(stage.name, entries, unified) as machine,
          tempfile.TemporaryDirectory(prefix="vm-loader-") as scratch):
        told = set_up(stage, machine, packages("efi", EFI_PACKAGES), Path(scratch))
        life(told, lambda entry: HOST_WORD in words(entry.line), NATIVE, whole)


@story("grub-menu", needs_deb=True)
def grub_menu(stage: Stage) -> None:
    """GRUB on a BIOS, with a separate /boot: who gets the card by each entry, from before enable to after removal."""
    by_grub(stage, separate_boot=True, whole=False)


@story("efi-menu", needs_deb=True)
def efi_menu(stage: Stage) -> None:
    """systemd-boot on UEFI, with type 1 entries and unified images: who gets the card by each, the same way."""
    by_systemd_boot(stage, entries=True, unified=True, whole=False)


@story("grub-menu-whole", needs_deb=True, minutes=3, why="of which 'grub-menu' has every other boot")
def grub_menu_whole(stage: Stage) -> None:
    """As 'grub-menu' with /boot in the root: the default entry and another one at every step."""
    by_grub(stage, separate_boot=False, whole=True)


@story("entries", needs_deb=True, minutes=4, why="of which 'efi-menu' has every other boot")
def entries_whole(stage: Stage) -> None:
    """As 'efi-menu' with type 1 entries alone: the default entry and another one at every step."""
    by_systemd_boot(stage, entries=True, unified=False, whole=True)


@story("unified", needs_deb=True, minutes=4, why="of which 'efi-menu' boots one")
def unified_whole(stage: Stage) -> None:
    """As 'efi-menu' with unified images alone: the default image and another one at every step."""
    by_systemd_boot(stage, entries=False, unified=True, whole=True)
