# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that their own boot loader starts: GRUB on a BIOS.

The root is a disk without partitions, as every guest has it. Beside it is a disk with a partition table that the
firmware starts: with GRUB, and a partition for /boot if that is wanted. What the loader reads is made by the guest's
own tools. Outside the guest they run in a chroot that has the disks under the names that the guest has for them.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import guest
import root
from guest import OBSERVE, BootResult, Guest

MIB = 1 << 20
ROOT_UUID = "11111111-2222-4333-8444-555555555555"
BOOT_UUID = "22222222-2222-4333-8444-555555555555"
BOOT_MIB = 120
KERNEL_WORDS = f"{guest.KERNEL_WORDS} {guest.INITS['minimal']} intel_iommu=on"

# As Guest.ATTACH. grub-mkconfig leaves Linux out where the root is on a loop device, and a UUID where /dev has no link.
ATTACH = r"""
dev=/dev
if [ -n "$disk" ]; then
    dev=$(mktemp -d)
    mount -t tmpfs dev "$dev"
    mkdir -p "$dev/pts" "$dev/shm" "$dev/disk/by-uuid"
    for node in null zero full random urandom tty; do cp -a "/dev/$node" "$dev"; done
    ln -s /proc/self/fd "$dev/fd"
    loops=
    attach() { # FILE OFFSET NAME UUID
        loop=$(losetup --find --show --offset "$2" "$1")
        loops="$loops $loop"
        for node in "$loop" "/dev/$3"; do mknod "$dev/${node##*/}" b $(stat -c '0x%t 0x%T' "$loop"); done
        ln -s "../../$3" "$dev/disk/by-uuid/$4"
    }
    attach "$disk" 0 vda ROOT_UUID
    [ -z "BOOT_DISK" ] || attach "BOOT_DISK" BOOT_OFFSET vdd BOOT_UUID
    mount --bind "$dev" /dev
    mount /dev/vda "$root"
    [ -z "BOOT_DISK" ] || mount /dev/vdd "$root/boot"
    losetup --detach $loops     # once nobody uses them any more
fi
"""


class LoaderGuest(Guest):
    """What the loaders have in common. `prepare` makes the disks, once the loader's packages are installed."""

    FILE_SYSTEM = ("-O", "^has_journal,^metadata_csum_seed", "-U", ROOT_UUID)   # GRUB cannot read the latter
    BOOT_OFFSET = MIB

    def __init__(self, name: str, separate_boot: bool = False):
        super().__init__(name)
        self.loader = self.work / "loader.img"
        self.separate_boot = separate_boot
        self.ATTACH = (ATTACH.replace("ROOT_UUID", ROOT_UUID).replace("BOOT_UUID", BOOT_UUID)
                       .replace("BOOT_OFFSET", str(self.BOOT_OFFSET))
                       .replace("BOOT_DISK", str(self.loader) if separate_boot else ""))

    def keep_kernel(self) -> None:
        """For the trial of KVM."""
        for name in ("vmlinuz", "initrd.img"):
            (self.work / name).write_bytes(self.read_file(f"/boot/{name}-{self.kernels()[-1]}"))

    def _written(self) -> list[Path]:
        return [self.disk, self.loader]

    def _firmware(self) -> list[str]:
        return []

    def _start(self, logs: Path, kernel: str | None, append: str) -> tuple[str, list[str]]:
        chosen = guest.accelerator(self.work / "vmlinuz", self.work / "initrd.img")
        return f"{type(self).__name__}, {chosen}", [
            *guest.qemu_command(chosen, self.machine), *self._firmware(),
            "-drive", f"file={self.loader},format=raw,if=none,id=loader,cache=unsafe",
            "-device", "virtio-blk-pci,drive=loader,bus=pcie.0,addr=0x13,bootindex=1"]  # fmt: skip

    def boot(self, job: str = OBSERVE, **options) -> BootResult:
        return super().boot(f"mount -a\n{job}", **options)


# --- GRUB -----------------------------------------------------------------------------------------

GRUB_FILES = Path("/usr/lib/grub/i386-pc")
# What it takes to get at the menu, which asks for the rest itself.
GRUB_MODULES = ["biosdisk", "part_msdos", "ext2", "search_fs_uuid", "normal", "configfile", "linux", "serial",
                "terminal", "loadenv", "test", "echo", "gzio"]  # fmt: skip
# What Debian's installer leaves, with the menu on the serial line.
GRUB_SETTINGS = f"""\
GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="{KERNEL_WORDS}"
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
"""


class GrubGuest(LoaderGuest):
    """SeaBIOS, GRUB, and the menu that grub-mkconfig makes."""

    def prepare(self) -> None:
        self.write_file("/etc/default/grub", GRUB_SETTINGS)
        rows = {"/": ROOT_UUID, **({"/boot": BOOT_UUID} if self.separate_boot else {})}
        self.write_file("/etc/fstab", "".join(f"UUID={uuid} {point} ext4 defaults 0 1\n" for point, uuid in rows.items()))
        modules = self.root / "boot/grub/i386-pc"
        modules.mkdir(parents=True, exist_ok=True)
        for file in (*GRUB_FILES.glob("*.mod"), *GRUB_FILES.glob("*.lst")):
            shutil.copy(file, modules)
        self.chroot("grub-editenv", "-", "create")
        self.keep_kernel()
        self.make_disk()
        self.chroot("update-grub")

    def make_disk(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.work) as directory:
            scratch = Path(directory)
            with open(self.loader, "wb") as image:
                image.truncate((BOOT_MIB + 2) * MIB)
            root.run("sfdisk", "--quiet", self.loader, input=f"label: dos\nstart=1MiB, size={BOOT_MIB}MiB, type=83\n")
            if self.separate_boot:
                (self.root / "boot").rename(scratch / "boot")
                (self.root / "boot").mkdir()
                root.run("mke2fs", "-q", "-F", "-t", "ext4", *self.FILE_SYSTEM[:2], "-U", BOOT_UUID,
                         "-E", f"offset={self.BOOT_OFFSET}", "-d", scratch / "boot", self.loader, f"{BOOT_MIB}M")
            super().make_disk()
            self._install(scratch)

    def _install(self, scratch: Path) -> None:
        """What grub-install does: the core, which knows the way to the menu, before the first partition."""
        uuid, directory = (BOOT_UUID, "/grub") if self.separate_boot else (ROOT_UUID, "/boot/grub")
        (scratch / "early").write_text(f"search.fs_uuid {uuid} root\nset prefix=($root){directory}\n")
        root.run("grub-mkimage", "-O", "i386-pc", "-d", GRUB_FILES, "-c", scratch / "early", "-p", directory,
                 "-o", scratch / "core", *GRUB_MODULES)
        core = (scratch / "core").read_bytes()
        if len(core) > self.BOOT_OFFSET - 512:
            raise guest.GuestError(f"{self.name}: GRUB's core has {len(core)} bytes")
        with open(self.loader, "r+b") as image:
            image.write((GRUB_FILES / "boot.img").read_bytes()[:440])
            image.seek(512)
            image.write(core)

    @staticmethod
    def choose(entry: str) -> str:
        """A job's command: once, at the next boot."""
        return f"grub-reboot '{entry}'\n"


# --- their packages ---------------------------------------------------------------------------------

def packages(name: str, names: Sequence[str]) -> Path:
    """Packages as an archive, from the apt sources of this machine."""
    def build(archive: Path, scratch: Path) -> None:
        root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", *names, cwd=scratch)
        with tarfile.open(archive, "w") as debs:
            for deb in sorted(scratch.glob("*.deb")):
                debs.add(deb, deb.name)
    key = " ".join(f"{name}={root.candidate(name)}" for name in names)
    return root.cached(f"{name}-", "packages", ".tar", key, build)


def install(machine: Guest, archive: Path) -> None:
    """Installs the packages of such an archive, offline."""
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(archive) as debs:
            debs.extractall(scratch)
        for deb in sorted(Path(scratch).iterdir()):
            machine.copy_in(deb, f"/opt/vm/packages/{deb.name}")
    machine.chroot("sh", "-euc", "dpkg -i /opt/vm/packages/*.deb; rm -r /opt/vm/packages")


def kernels() -> tuple[Path, list[str]]:
    """An archive of two kernels' packages, RELEASE.deb each, and the releases: the older one is first. With the guests'
    few modules."""
    def build(archive: Path, scratch: Path) -> None:
        with tarfile.open(archive, "w") as debs:
            for release in releases:
                work = scratch / release
                work.mkdir()
                pack_kernel(release, work, work / f"{release}.deb")
                debs.add(work / f"{release}.deb", f"{release}.deb")
                shutil.rmtree(work)
    releases = [root.older_kernel(), root.current_kernel()]
    key = " ".join(f"{release} {root.candidate(f'linux-image-{release}')}" for release in releases)
    return root.cached("loader-kernels-", "two", ".tar", key, build), releases


def pack_kernel(release: str, work: Path, package: Path) -> None:
    root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", f"linux-image-{release}", cwd=work)
    (original,) = work.glob("linux-image-*.deb")
    tree = work / "tree"
    root.run("dpkg-deb", "-R", original, tree)
    modules = tree / "lib/modules" / release
    root.trim_modules(tree, release)
    for index in modules.glob("modules.*"):
        if index.name not in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            index.unlink()
    (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    root.run("dpkg-deb", "-Zzstd", "-z1", "--root-owner-group", "-b", tree, package)
