# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Debian-like root with a real dpkg in it, and packages for it.

The root holds programs of this machine, with the libraries that they need. dpkg works in it as process 1's
child: to the program it is a running system.
"""

from __future__ import annotations

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
sys.path[:0] = [str(TOP / "tests/machines"), str(TOP / "tests/vm")]
import grub_menu  # noqa: E402  (their directories are known only now)
from mounted import MOUNT_DISKS  # noqa: E402
from sysroot import UUID  # noqa: E402

PROGRAMS = [
    "sh", "cat", "cp", "mv", "rm", "mkdir", "rmdir", "ln", "ls", "sleep", "tr", "grep", "find", "sed", "tar", "kmod",
    "modprobe", "dpkg", "dpkg-deb", "dpkg-query", "dpkg-split", "dpkg-trigger", "run-parts", "ldconfig",
    "start-stop-daemon", "diff", "mount", "true", *grub_menu.PROGRAMS,
]  # fmt: skip
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
ENTER = MOUNT_DISKS + r"""
root=$1; shift
mount --make-rprivate /
mount_disks "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/../cmdline" "$root/proc/cmdline"
mount --rbind /dev "$root/dev"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
"""


@dataclass(frozen=True)
class Run:
    """How a program ended."""

    command: Sequence[str]
    status: int
    out: str

    @property
    def words(self) -> str:
        """What it said, however it was broken into lines."""
        return " ".join(self.out.split())

    def __str__(self) -> str:
        return f"$ {' '.join(self.command)}\n{self.out}exit status {self.status}"


def run(*command: object, cwd: Optional[Path] = None) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"$ {' '.join(words)}\n{done.stdout[-3000:]}\nexit status {done.returncode}")
    return done.stdout


def libraries(program: Path) -> set[Path]:
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return {Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", told)}


def copy_in(root: Path, path: Path) -> None:
    """A program or library, to the same place where /bin and /lib are in /usr."""
    place = str(path) if str(path).startswith("/usr/") else f"/usr{path}"
    goal = root / place[1:]
    if not goal.exists():
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path.resolve(), goal)


def add_program(root: Path, name: str) -> None:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise RuntimeError(f"{name} is not installed")
    copy_in(root, Path(path))
    for library in libraries(Path(path)):
        copy_in(root, library)


def pack(tree: Path, name: str, version: str, output: Path, scripts: dict[str, str], more: str = "") -> Path:
    """A package of the files in `tree`, with maintainer scripts."""
    control = tree / "DEBIAN"
    control.mkdir(exist_ok=True)
    (control / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n"
        f"{more}Description: a package of a test\n"
    )
    for script, text in scripts.items():
        (control / script).write_text(text)
        (control / script).chmod(0o755)
    conffiles = sorted(path.relative_to(tree) for path in (tree / "etc").rglob("*") if path.is_file())
    if conffiles:
        (control / "conffiles").write_text("".join(f"/{path}\n" for path in conffiles))
    package = output / f"{name}_{version}_all.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, package)
    return package


def our_package(version: str, directory: Path) -> Path:
    """The files of the built package, and the maintainer scripts of the work tree."""
    tree = directory / f"tree-{version}"
    scripts = {name: (TOP / f"pkg/debian/vfio-switch.{name}").read_text() for name in SCRIPTS
               if (TOP / f"pkg/debian/vfio-switch.{name}").exists()}  # fmt: skip
    run("dpkg-deb", "-x", os.environ["VFIO_SWITCH_PACKAGE"], tree)
    # What debhelper would put there has no part in it.
    scripts = {name: text.replace("#DEBHELPER#", "") for name, text in scripts.items()}
    (tree / "DEBIAN").mkdir()
    shutil.copy(TOP / "pkg/debian/vfio-switch.triggers", tree / "DEBIAN/triggers")
    return pack(tree, "vfio-switch", version, directory, scripts)


def kernel_package(release: str, directory: Path) -> Path:
    """One that asks the hooks of other packages, as Debian's kernels do; its files are in the root already."""
    tree = directory / "kernel"
    (tree / "usr/share/doc/a-kernel").mkdir(parents=True)
    parts = f"run-parts --exit-on-error --arg={release} --arg=/boot/vmlinuz-{release} /etc/kernel/postinst.d"
    script = f'#!/bin/sh\nset -e\nexport DEB_MAINT_PARAMS="$*"\n{parts}\n'
    return pack(tree, "a-kernel", "1", directory, {"postinst": script})


class Root:
    """One root; programs are run in it as on a running system."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "root"

    @staticmethod
    def create(directory: Path, machine: str, kernel: str, stand_in: Path, programs: Sequence[Path]) -> Root:
        root = Root(directory)
        run(sys.executable, "-B", TOP / "tests/machines/build-sysroot", machine, root.path, "--kernel", kernel)
        shutil.move(root.path / "proc/cmdline", directory / "cmdline")
        shutil.rmtree(root.path / "proc")
        for name in ("proc", "root", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log", "etc/kernel/postinst.d"):
            (root.path / name).mkdir(parents=True, exist_ok=True)
        for name in ("status", "available"):
            (root.path / "var/lib/dpkg" / name).write_text("")
        for name in PROGRAMS:
            goal = root.path / "usr/sbin/modprobe"
            if name == "modprobe":
                goal.unlink(missing_ok=True)
                goal.symlink_to("/usr/bin/kmod")
            else:
                add_program(root.path, name)
        for program in programs:
            for library in libraries(program):
                copy_in(root.path, library)
        for name in ("libarchive.so.13", "libexpat.so.1"):  # loaded when they are needed
            for library in Path("/usr/lib/x86_64-linux-gnu").glob(name):
                for one in {library, *libraries(library)}:
                    copy_in(root.path, one)
        shutil.copy(stand_in, root.path / "usr/sbin/update-initramfs")
        (root.path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (root.path / "etc/group").write_text("root:x:0:\n")
        hook = root.path / "etc/kernel/postinst.d/initramfs-tools"
        hook.write_text('#!/bin/sh\nexec update-initramfs -u -k "$1"\n')
        hook.chmod(0o755)
        (root.path / "etc/fstab").write_text(f"UUID={UUID} / ext4 errors=remount-ro 0 1\n")
        (root.path / "etc/default").mkdir()
        grub_menu.install(root.path, grub_menu.files())
        done = root.enter("update-grub")
        if done.status != 0:
            raise RuntimeError(str(done))
        return root

    def copy(self, directory: Path) -> Root:
        directory.mkdir(parents=True)
        run("cp", "-a", "--reflink=auto", self.path, self.path.parent / "cmdline", directory)
        return Root(directory)

    def enter(self, *command: str, chroot: bool = True) -> Run:
        words = ["chroot", str(self.path), *command] if chroot else list(command)
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", ENTER, "enter", str(self.path), *words],
            stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        return Run(command, done.returncode, done.stdout)

    def dpkg(self, action: str, what: Path | str) -> Run:
        if isinstance(what, Path):
            shutil.copy(what, self.path / "tmp")
            done = self.enter("dpkg", "--force-depends", action, f"/tmp/{what.name}")
            (self.path / "tmp" / what.name).unlink()
            return done
        return self.enter("dpkg", action, what)

    # What the damages of tests/cli/test_way_out.py are done with.
    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def write(self, name: str, content: str, mode: int = 0o644) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.path / name)
