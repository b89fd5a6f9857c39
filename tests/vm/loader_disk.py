# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that their own boot loader starts: GRUB on a BIOS, or systemd-boot on UEFI.

The root is a disk without partitions, as every guest has it. Beside it is a disk with a partition table that the
firmware starts: with GRUB, and a partition for /boot if that is wanted, or with an EFI system partition. What the
loader reads is made by the guest's own tools. Outside the guest they run in a chroot that has the disks under the names
that the guest has for them, and the content of the EFI system partition on a tmpfs, since few machines can mount it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
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
ESP_SERIAL = "0E5B0E5B"
BOOT_MIB, ESP_MIB = 120, 160
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
    WORDS = KERNEL_WORDS    # what the loader's settings have for the kernel

    def __init__(self, name: str, separate_boot: bool = False):
        super().__init__(name, archive=root.base_root())     # with no loader yet
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
        return super().boot(f"mount -a\n[ ! -d /sys/firmware/efi ] || "
                            f"mount -t efivarfs efivarfs /sys/firmware/efi/efivars\n{job}", **options)


# --- GRUB -----------------------------------------------------------------------------------------

GRUB_FILES = Path("/usr/lib/grub/i386-pc")
# What it takes to get at the menu, which asks for the rest itself.
GRUB_MODULES = ["biosdisk", "part_msdos", "ext2", "search_fs_uuid", "normal", "configfile", "linux", "serial",
                "terminal", "loadenv", "test", "echo", "gzio"]  # fmt: skip
# What Debian's installer leaves, with the menu on the serial line.
GRUB_SETTINGS = """\
GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="KERNEL_WORDS"
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
"""


class GrubGuest(LoaderGuest):
    """SeaBIOS, GRUB, and the menu that grub-mkconfig makes."""

    def prepare(self) -> None:
        self.write_file("/etc/default/grub", GRUB_SETTINGS.replace("KERNEL_WORDS", self.WORDS))
        rows = {"/": ROOT_UUID, **({"/boot": BOOT_UUID} if self.separate_boot else {})}
        self.write_file("/etc/fstab", "".join(f"UUID={uuid} {point} ext4 defaults 0 1\n"
                                              for point, uuid in rows.items()))
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


# --- systemd-boot -----------------------------------------------------------------------------------

OVMF = Path("/usr/share/OVMF")
STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub"
PACKED_ESP = "/opt/vm/esp.tar"
HOST_WORD = "vfio-pci.ids="
# In /etc/kernel/install.d. Beside each entry one that leaves the card with the host, as people add it.
HOST_ENTRY = f"""\
#!/bin/sh
set -eu
entry=$KERNEL_INSTALL_BOOT_ROOT/loader/entries/$KERNEL_INSTALL_ENTRY_TOKEN-$2.conf
host=$KERNEL_INSTALL_BOOT_ROOT/loader/entries/host-$KERNEL_INSTALL_ENTRY_TOKEN-$2.conf
[ "$1" = add ] || exec rm -f "$host"
[ ! -e "$entry" ] || sed 's/^title.*/& (graphics card for the host)/
    s/^options.*/& {HOST_WORD}/; s/^sort-key.*/sort-key zz-host/' "$entry" >"$host"
"""
# Unified images: Debian 12 has no ukify, and its kernel-install no plugin that calls it. Where there are type 1 entries
# as well, only the one that leaves the card with the host is made.
UNIFIED_IMAGE = f"""\
#!/bin/sh
set -eu
images=$KERNEL_INSTALL_BOOT_ROOT/EFI/Linux
name=$KERNEL_INSTALL_ENTRY_TOKEN-$2.efi
[ "$1" = add ] || exec rm -f "$images/$name" "$images/host-$name"
mkdir -p "$images"
linux=$4
shift 4
cd "$KERNEL_INSTALL_STAGING_AREA"
cat "$@" $(ls -d initrd* 2>/dev/null) >all
unified() {{ # NAME COMMAND-LINE
    printf '%s' "$2" >cmdline
    # Behind the stub's own sections; the kernel comes last, since it grows when it is unpacked.
    set -- "$images/$1"
    at=1048576
    for section in osrel=/usr/lib/os-release cmdline=cmdline initrd=all "linux=$linux"; do
        set -- "$@" --add-section ".$section" --change-section-vma ".${{section%%=*}}=$at"
        at=$(((at + $(stat -Lc %s "${{section#*=}}") + 4095) / 4096 * 4096))
    done
    image=$1
    shift
    objcopy "$@" {STUB} "$image"
}}
line=$(cat /etc/kernel/cmdline)
[ "$KERNEL_INSTALL_LAYOUT" = bls ] || unified "$name" "$line"
unified "host-$name" "$line {HOST_WORD}"
"""


class EfiGuest(LoaderGuest):
    """OVMF, systemd-boot, and what kernel-install makes: type 1 entries, unified images, or both. Beside each usual one
    is one with `HOST_WORD`; of both kinds the usual ones are type 1 entries, and the others unified images."""

    def __init__(self, name: str, entries: bool, unified: bool):
        super().__init__(name)
        self.entries, self.unified = entries, unified
        self.variables = self.work / "variables.fd"

    def prepare(self) -> None:
        shutil.copy(OVMF / "OVMF_VARS_4M.fd", self.variables)
        self.write_file("/etc/kernel/install.conf", f"layout={'bls' if self.entries else 'uki'}\n")
        self.write_file("/etc/kernel/cmdline", f"root=UUID={ROOT_UUID} ro quiet {self.WORDS}\n")
        self.write_file("/etc/kernel/install.d/91-other.install", UNIFIED_IMAGE if self.unified else HOST_ENTRY, 0o755)
        self.write_file("/etc/fstab", f"UUID={ROOT_UUID} / ext4 defaults 0 1\n"
                        f"UUID={ESP_SERIAL[:4]}-{ESP_SERIAL[4:]} /efi vfat umask=0077 0 1\n")
        (self.root / "efi").mkdir()
        with open(self.loader, "wb") as image:
            image.truncate((ESP_MIB + 2) * MIB)
        root.run("sfdisk", "--quiet", self.loader, input=f"label: gpt\nstart=1MiB, size={ESP_MIB}MiB, type=uefi\n")
        # --mbr=n: the boot sector is no partition table of its own.
        root.run("mkfs.vfat", "-F", "32", "-s", "4", "-i", ESP_SERIAL, "-n", "ESP", "--mbr=n",
                 "--offset", str(self.BOOT_OFFSET // 512), self.loader, str(ESP_MIB << 10))
        self.keep_kernel()
        (release,) = self.kernels()
        self.install_loader(release)
        self.make_disk()

    def install_loader(self, release: str) -> None:
        self.chroot("sh", "-euc", f"""
            bootctl --esp-path=/efi --no-variables --make-entry-directory={'yes' if self.entries else 'no'} install
            printf 'timeout 1\\ndefault {self.token()}-*\\n' >/efi/loader/loader.conf
            kernel-install add {release} /boot/vmlinuz-{release} /boot/initrd.img-{release}""")

    def token(self) -> str:
        return self.read_file("/etc/machine-id").decode().strip()

    def chroot(self, *command: str, **options) -> subprocess.CompletedProcess:
        """With the content of the EFI system partition at /efi, and what the command made of it there afterwards."""
        if not self.loader.exists():
            return super().chroot(*command, **options)
        environment = os.environ | {"MTOOLS_SKIP_CHECK": "1"}
        partition = f"{self.loader}@@{self.BOOT_OFFSET}"
        with tempfile.TemporaryDirectory(dir=self.work) as scratch:
            there = Path(scratch, "esp")
            there.mkdir()
            root.run("mcopy", "-s", "-n", "-m", "-i", partition, "::/", there, env=environment)
            packed = Path(scratch, "esp.tar")
            root.run("tar", "-C", there, "-cf", packed, ".")
            self.copy_in(packed, PACKED_ESP)
            done = super().chroot("sh", "-uc", f"""
                mount -t tmpfs -o mode=0700 efi /efi
                tar -C /efi --no-same-owner --warning=no-timestamp -xf {PACKED_ESP}
                SYSTEMD_RELAX_ESP_CHECKS=1 "$@"
                status=$?
                tar -C /efi -cf {PACKED_ESP} .
                exit $status""", "with-esp", *command, **options)
            packed.write_bytes(self.read_file(PACKED_ESP))
            self.remove(PACKED_ESP)
            after = Path(scratch, "after")
            with tarfile.open(packed) as archive:
                archive.extractall(after)
            self._replace(partition, there, after, environment)
        return done

    @staticmethod
    def _replace(partition: str, before: Path, after: Path, environment: dict[str, str]) -> None:
        """Writes onto the EFI system partition what differs from before."""
        def content(tree: Path) -> dict[str, bytes | None]:
            return {str(path.relative_to(tree)): None if path.is_dir() else path.read_bytes()
                    for path in sorted(tree.rglob("*"))}
        was, now = content(before), content(after)
        for name in sorted(was.keys() - now.keys(), reverse=True):
            root.run("mrd" if was[name] is None else "mdel", "-i", partition, f"::/{name}", env=environment)
        for name, data in now.items():
            if name in was and was[name] == data:
                continue
            if data is None:
                root.run("mmd", "-i", partition, f"::/{name}", env=environment)
            else:
                root.run("mcopy", "-o", "-m", "-i", partition, after / name, f"::/{name}", env=environment)

    def _written(self) -> list[Path]:
        return [*super()._written(), self.variables]

    def _firmware(self) -> list[str]:
        return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}",
                "-drive", f"if=pflash,format=raw,unit=1,file={self.variables}"]

    @staticmethod
    def choose(entry: str) -> str:
        """A job's command: once, at the next boot."""
        return f"bootctl set-oneshot '{entry}'\n"


# --- their packages ---------------------------------------------------------------------------------

# Debian's kernels have these as modules, and root.MODULES has not.
FOR_EFI = ("fat", "vfat", "nls_cp437", "nls_ascii", "efivarfs")
# GRUB's scripts and what they need that the guest has not got.
GRUB_PACKAGES = [
    "dmsetup", "gettext-base", "grub-common", "grub2-common", "libbrotli1", "libdevmapper1.02.1", "libefiboot1",
    "libefivar1", "libfreetype6", "libfuse2", "libpng16-16",
]  # fmt: skip
EFI_PACKAGES = ["systemd-boot", "systemd-boot-efi", "binutils", "binutils-common", "binutils-x86-64-linux-gnu",
                "libbinutils", "libctf0", "libctf-nobfd0", "libgprofng0", "libjansson4"]  # fmt: skip


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
    few modules and those that it takes to mount an EFI system partition."""
    def build(archive: Path, scratch: Path) -> None:
        with tarfile.open(archive, "w") as debs:
            for release in releases:
                work = scratch / release
                work.mkdir()
                pack_kernel(release, work, work / f"{release}.deb")
                debs.add(work / f"{release}.deb", f"{release}.deb")
                shutil.rmtree(work)
    releases = [root.older_kernel(), root.current_kernel()]
    key = f"{FOR_EFI} " + " ".join(f"{release} {root.candidate(f'linux-image-{release}')}" for release in releases)
    return root.cached("loader-kernels-", "two", ".tar", key, build), releases


def pack_kernel(release: str, work: Path, package: Path) -> None:
    root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", f"linux-image-{release}", cwd=work)
    (original,) = work.glob("linux-image-*.deb")
    tree, kept = work / "tree", work / "kept"
    root.run("dpkg-deb", "-R", original, tree)
    modules = tree / "lib/modules" / release
    for file in [file for file in (modules / "kernel").rglob("*.ko*") if file.name.split(".ko")[0] in FOR_EFI]:
        (kept / file.relative_to(modules).parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, kept / file.relative_to(modules))
    root.trim_modules(tree, release)
    shutil.copytree(kept, modules, dirs_exist_ok=True)
    for index in modules.glob("modules.*"):
        if index.name not in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            index.unlink()
    (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    root.run("dpkg-deb", "-Zzstd", "-z1", "--root-owner-group", "-b", tree, package)
