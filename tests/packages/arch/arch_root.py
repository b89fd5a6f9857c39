# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Arch-like root with a real pacman in it, and packages that makepkg has built.

The root holds programs of this machine, with the libraries that they need. What is installed into it
are packages: ours, and stand-ins for the kernels, the driver and mkinitcpio (PKGBUILD.stand-ins).
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
MACHINES = TOP / "tests/machines"
sys.path[:0] = [str(TOP / "tests/vm"), str(MACHINES), str(HERE.parent)]
import payload  # noqa: E402  (its directory is known only now)
import root as vm_root  # noqa: E402
from mounted import MOUNT_DISKS  # noqa: E402
from sysroot import UUID, grub_menu, tell_loader  # noqa: E402

MACHINE = "z370-gt1030-no-param"
PROGRAMS = [
    "bash", "env", "cat", "cp", "mv", "rm", "mkdir", "rmdir", "ln", "ls", "install", "sleep", "sort", "touch", "tr",
    "head", "tail", "wc", "stat", "mktemp", "chmod", "chown", "readlink", "realpath", "dirname", "basename", "uname",
    "echo", "printf", "true", "false", "test", "id", "cmp", "sed", "grep", "egrep", "awk", "find", "xargs", "sync",
    "modprobe", "modinfo", "depmod", "lsmod", "kmod", "bsdtar", "zstd", "gzip", "xz", "od", "dd", "ldd", "ldconfig",
    "pacman", "vercmp", "mount", "umount",
]  # fmt: skip
CONFIG = """MODULES=()
BINARIES=()
FILES=()
HOOKS=(base udev autodetect modconf kms block filesystems)
"""
PRESET = """ALL_kver="/boot/vmlinuz-%PKGBASE%"
PRESETS=('default' 'fallback')
default_image="/boot/initramfs-%PKGBASE%.img"
fallback_image="/boot/initramfs-%PKGBASE%-fallback.img"
fallback_options="-S autodetect"
"""
PACMAN_CONF = """[options]
Architecture = auto
SigLevel = Never
LocalFileSigLevel = Never
"""
STAND_IN_MESON = """#!/bin/bash
while [ $# -gt 0 ]; do
    [ "$1" != --destdir ] || cp -a "$PAYLOAD/." "$2"
    shift
done
"""
# Its own process 1 has the root for its root directory: to the program this is a running system.
ENTER = MOUNT_DISKS + r"""
root=$1; shift
mount --make-rprivate /
mount_disks "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/../cmdline" "$root/proc/cmdline"
mount --rbind /dev "$root/dev"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Run:
    """How a program ended."""

    command: Sequence[str]
    status: int
    out: str

    def __str__(self) -> str:
        return f"$ {' '.join(self.command)}\n{self.out}exit status {self.status}"


def run(*command: object, cwd: Optional[Path] = None, **environment: str) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"$ {' '.join(words)}\n{done.stdout[-3000:]}\nexit status {done.returncode}")
    return done.stdout


def libraries(program: Path) -> set[Path]:
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return {Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", told)}


def copy_in(root: Path, path: Path, target: Optional[str] = None) -> None:
    """Copies a program or library to the same place, where /bin and /lib are in /usr."""
    place = target or str(path)
    for old, new in (("/lib64/", "/usr/lib/"), ("/lib/", "/usr/lib/"), ("/bin/", "/usr/bin/"), ("/sbin/", "/usr/bin/")):
        if place.startswith(old):
            place = new + place[len(old) :]
    place = place.replace("/usr/sbin/", "/usr/bin/")
    goal = root / place.lstrip("/")
    if goal.exists():
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path.resolve(), goal)


def add_program(root: Path, name: str) -> None:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise RuntimeError(f"{name} is not installed; tests/packages/arch/install-deps installs what is missing")
    copy_in(root, Path(path), f"/usr/bin/{name}")
    for library in libraries(Path(path)):
        copy_in(root, library)


def build_kernel_modules(archive: Path, directory: Path) -> None:
    """Real modules of Debian's kernel: vfio, nouveau, the sound driver, and all that these need."""
    release = vm_root.current_kernel()
    work = directory / "kernel"
    work.mkdir()
    vm_root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", f"linux-image-{release}", cwd=work)
    (package,) = work.glob("*.deb")
    vm_root.run("dpkg-deb", "-x", package, work / "root")
    (modules,) = [*(work / "root").glob("lib/modules/*"), *(work / "root").glob("usr/lib/modules/*")]
    vm_root.run("depmod", "-b", modules.parents[2], modules.name)
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        name, _, others = line.partition(":")
        needs[name] = others.split()
    wanted = re.compile(r"/(vfio[^/]*|nouveau|snd-hda-intel|ecdh_generic|ecdsa_generic|ecc|video)\.ko")
    chosen = {name for name in needs if wanted.search(name)}
    chosen |= {other for name in chosen for other in needs[name]}
    tree = directory / "modules"
    for name in [*sorted(chosen), "modules.builtin", "modules.builtin.modinfo", "modules.order"]:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / name, tree / name)
    vm_root.run("tar", "-C", tree, "-cf", archive, ".")


def kernel_modules(directory: Path) -> None:
    release = vm_root.current_kernel()
    key = inspect.getsource(build_kernel_modules) + release
    cached = vm_root.cached("arch-modules-", release, ".tar", key, build_kernel_modules)
    directory.mkdir(parents=True)
    run("tar", "-C", directory, "-xf", cached)


def nvidia_modules(directory: Path) -> None:
    """Stand-ins as in tests/machines/kernels: the real modinfo, and symbols that give the dependencies."""
    script = (MACHINES / "kernels/make-indices").read_text()
    functions = script[script.index("stand_in() {") : script.index('if [ -z "$deb" ]')]
    run("bash", "-euc", f"{functions}\nnvidia_stand_ins \"$0\" nvidia", directory)


def mkinitcpio_tree(directory: Path) -> str:
    """The files of the package mkinitcpio; what it is."""
    real = os.environ.get("MKINITCPIO_ROOT")
    if real:
        shutil.copytree(real, directory, symlinks=True, dirs_exist_ok=True)
    else:
        own = HERE / "mkinitcpio"
        for name, target, mode in (
            ("mkinitcpio", "usr/bin/mkinitcpio", 0o755),
            ("alpm-script", "usr/share/libalpm/scripts/mkinitcpio", 0o755),
            ("60-mkinitcpio-remove.hook", "usr/share/libalpm/hooks/60-mkinitcpio-remove.hook", 0o644),
            ("90-mkinitcpio-install.hook", "usr/share/libalpm/hooks/90-mkinitcpio-install.hook", 0o644),
            *((f"install/{p.name}", f"usr/lib/initcpio/install/{p.name}", 0o644) for p in (own / "install").iterdir()),
        ):
            goal = directory / target
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(own / name, goal)
            goal.chmod(mode)
        hooks = directory / "usr/lib/initcpio/hooks"
        hooks.mkdir()
        (hooks / "udev").write_text("#!/usr/bin/ash\nrun_earlyhook() {\n    :\n}\nrun_hook() {\n    :\n}\n")
        (directory / "usr/lib/initcpio/init").write_text("#!/usr/bin/ash\n")
        for name in ("microcode", "keyboard", "block", "filesystems", "fsck", "sd-vconsole"):
            (directory / f"usr/lib/initcpio/install/{name}").write_text("build() {\n    :\n}\n")
    for name in ("etc/mkinitcpio.conf.d", "etc/mkinitcpio.d", "usr/share/mkinitcpio"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / "etc/mkinitcpio.conf").write_text(CONFIG)
    (directory / "usr/share/mkinitcpio/hook.preset").write_text(PRESET)
    return "the real one" if real else "the stand-in"


def menu() -> str:
    """GRUB's, as grub-mkconfig of Arch's grub 2.12 writes it with GRUB_TOP_LEVEL=/boot/vmlinuz-linux.

    Somebody ran that once. No package does: the names of the files are those of packages, and outlast upgrades.
    """
    names = [(name, f"/boot/vmlinuz-{name}", f"/boot/initramfs-{name}.img") for name in ("linux", "linux-lts")]
    return grub_menu(names, "Arch Linux", f"root=UUID={UUID} rw  loglevel=3 quiet", fallback=True)


class Packages:
    """Everything that is installed, built once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.chmod(0o755)
        self.config = directory / "makepkg.conf"
        plain = Path("/etc/makepkg.conf").read_text()
        jobs = os.cpu_count() or 1
        self.config.write_text(
            f"{plain}\nPKGEXT=.pkg.tar\nCARCH=x86_64\nCHOST=x86_64-pc-linux-gnu\nMAKEFLAGS=-j{jobs}\n"
            "OPTIONS=(!strip !debug !docs !zipman !purge)\nBUILDENV=(!distcc color !ccache !check !sign)\n"
        )
        self.sources = directory / "sources"
        kernel_modules(self.sources / "modules")
        nvidia_modules(self.sources / "nvidia")
        self.mkinitcpio = mkinitcpio_tree(self.sources / "mkinitcpio")
        for name in ("60-depmod.hook", "depmod-script"):
            shutil.copy(HERE / name, self.sources)
        self.output = directory / "packages"
        self.output.mkdir()

    def make(self, recipe: str, name: str, *files: Path, **environment: str) -> None:
        work = self.directory / name
        work.mkdir()
        shutil.copy(HERE / recipe, work / "PKGBUILD")
        for file in files:
            shutil.copy(file, work)
        run("chown", "-R", "nobody", work)
        run(
            "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "makepkg", "--force", "--nodeps",
            "--noconfirm", cwd=work, HOME=str(work), MAKEPKG_CONF=str(self.config), SOURCES=str(self.sources),
            PKGDEST=str(work), **environment,
        )  # fmt: skip
        for package in work.glob("*.pkg.tar"):
            package.rename(self.output / package.name)

    @functools.cached_property
    def ours(self) -> Path:
        if given := os.environ.get("VFIO_SWITCH_PACKAGE"):
            return Path(given)
        path = os.environ["PATH"]
        if built := os.environ.get("VFIO_SWITCH_BUILT"):
            payload.install(Path(built), TOP / "pkg/arch/PKGBUILD", self.directory / "payload")
            path = f"{self.meson_that_has_compiled()}:{path}"
        run(
            TOP / "pkg/arch/build", self.output, "--nodeps", "--nocheck", MAKEPKG_CONF=str(self.config), PATH=path,
            PAYLOAD=str(self.directory / "payload"),
        )  # fmt: skip
        (package,) = self.output.glob("vfio-switch-0*.pkg.tar")
        return package

    def meson_that_has_compiled(self) -> Path:
        """A directory with a meson that installs PAYLOAD, whatever it is to set up or compile."""
        directory = self.directory / "bin"
        directory.mkdir()
        (directory / "meson").write_text(STAND_IN_MESON)
        (directory / "meson").chmod(0o755)
        return directory

    def programs(self) -> list[Path]:
        """Ours, unpacked: what libraries they need."""
        tree = self.directory / "ours"
        if not tree.exists():
            tree.mkdir()
            run("bsdtar", "-xf", self.ours, "-C", tree)
        return [tree / "usr/bin/vfio-switch", *sorted((tree / "usr/lib/vfio-switch").glob("vfio-switch-*[a-z]"))]

    @functools.cache
    def repack(self, name: str, release: int) -> Path:
        self.make(
            "PKGBUILD.repack", f"repack-{name}-{release}", TOP / "pkg/arch/vfio-switch.install", NEW_NAME=name,
            NEW_RELEASE=str(release), PACKAGE=str(self.ours),
        )  # fmt: skip
        (package,) = self.output.glob(f"{name}-0.2.0-{release}-*.pkg.tar")
        return package

    def file(self, name: str, release: int = 1) -> Path:
        (package,) = self.output.glob(f"{name}-1-{release}-any.pkg.tar")
        return package


class Root:
    """One root; programs are run in it as on a running system."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "root"

    @staticmethod
    def create(directory: Path, programs: Sequence[Path]) -> Root:
        root = Root(directory)
        run(sys.executable, "-B", MACHINES / "build-sysroot", MACHINE, root.path, "--os", "arch", "--kernel", "none")
        shutil.copy(root.path / "proc/cmdline", directory / "cmdline")
        for path in [root.path / "etc/mkinitcpio.conf", root.path / "usr/bin/mkinitcpio"]:
            path.unlink()
        for name in ("etc/mkinitcpio.d", "etc/mkinitcpio.conf.d", "usr/lib/initcpio", "usr/lib/modules", "proc"):
            shutil.rmtree(root.path / name, ignore_errors=True)
        for name in ("proc", "dev", "tmp", "run", "root", "var/lib/pacman", "var/cache/pacman/pkg", "var/log", "boot"):
            (root.path / name).mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            add_program(root.path, name)
        for name, target in (("ash", "bash"), ("sh", "bash")):  # Arch's sh is bash, and scriptlets rely on it
            (root.path / "usr/bin" / name).symlink_to(target)
        for program in programs:
            for library in libraries(program):
                copy_in(root.path, library)
        archive = next(Path("/usr/lib/x86_64-linux-gnu").glob("libarchive.so.13"), None)
        if archive is not None:  # loaded when it is needed
            copy_in(root.path, archive)
        locale = Path("/usr/lib/locale/C.utf8")
        if locale.exists():
            shutil.copytree(locale, root.path / "usr/lib/locale/C.utf8")
        (root.path / "etc/fstab").write_text(f"UUID={UUID} / ext4 rw 0 1\n")
        (root.path / "boot/grub").mkdir()
        (root.path / "boot/grub/grub.cfg").write_text(menu())
        (root.path / "etc/pacman.conf").write_text(PACMAN_CONF)
        (root.path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (root.path / "etc/group").write_text("root:x:0:\n")
        return root

    def copy(self, directory: Path) -> Root:
        directory.mkdir(parents=True)
        run("cp", "-a", "--reflink=auto", self.path, self.path.parent / "cmdline", directory)
        return Root(directory)

    def become(self, machine: str) -> None:
        """The hardware of another machine."""
        other = self.path.parent / "other"
        run(sys.executable, "-B", MACHINES / "build-sysroot", machine, other, "--os", "arch", "--kernel", "none")
        shutil.rmtree(self.path / "sys")
        (other / "sys").rename(self.path / "sys")
        shutil.copy(other / "proc/cmdline", self.path.parent / "cmdline")

    def use_systemd_boot(self, default: str) -> None:
        """In place of GRUB, as `bootctl --esp-path=/efi install` leaves it, on a disk of its own."""
        shutil.rmtree(self.path / "boot/grub")
        for name in ("EFI/Linux", "EFI/systemd", "loader/entries"):
            (self.path / "efi" / name).mkdir(parents=True)
        (self.path / "efi/EFI/systemd/systemd-bootx64.efi").write_bytes(b"MZ")
        (self.path / "efi/loader/loader.conf").write_text(f"default {default}\ntimeout 3\n")
        with open(self.path / "etc/fstab", "a", encoding="utf-8") as fstab:
            fstab.write("/dev/vdb /efi vfat umask=0077 0 2\n")
        tell_loader(self.path / "sys", "systemd-boot 257.2-1-arch")

    def run(self, *command: str, given: str = "", own_process_1: bool = True) -> Run:
        own = ["--pid", "--fork", "--kill-child"] if own_process_1 else []
        done = subprocess.run(
            ["unshare", "--mount", *own, "sh", "-euc", ENTER, "enter", str(self.path), *command], input=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        return Run(command, done.returncode, done.stdout)

    def pacman(self, *arguments: object, own_process_1: bool = True) -> Run:
        """Package files are seen in /packages."""
        words = []
        for argument in arguments:
            if isinstance(argument, Path):
                (self.path / "packages").mkdir(exist_ok=True)
                shutil.copy(argument, self.path / "packages")
                words.append(f"/packages/{argument.name}")
            else:
                words.append(str(argument))
        done = self.run("pacman", "--noconfirm", "--noprogressbar", *words, own_process_1=own_process_1)
        shutil.rmtree(self.path / "packages", ignore_errors=True)
        return done
