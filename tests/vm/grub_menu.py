# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's GRUB in a root that starts from no disk: its own scripts write the boot menu of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import root as vm_root

HERE = Path(__file__).resolve().parent
UUID = "9f6bd5c1-7a57-4a5e-8f53-2f6ea1c05a11"

PACKAGES = ["grub-common", "grub2-common", "libdevmapper1.02.1"]
# What writes the menu; not what installs GRUB.
FILES = [
    "etc/grub.d", "etc/kernel", "usr/bin/grub-editenv", "usr/bin/grub-file", "usr/bin/grub-mkrelpath",
    "usr/bin/grub-script-check", "usr/sbin/grub-mkconfig", "usr/sbin/update-grub", "usr/share/grub/default",
    "usr/share/grub/grub-mkconfig_lib",
]  # fmt: skip
LIBRARY = "lib/x86_64-linux-gnu/libdevmapper.so.1.02.1"
# What these call.
PROGRAMS = [
    "basename", "chmod", "chown", "cut", "dirname", "egrep", "fgrep", "grep", "head", "id", "readlink", "sed", "sort",
    "stat", "tail", "tr", "uname",
]  # fmt: skip


def files() -> Path:
    """An archive (tar) of FILES, from the apt sources of this machine."""

    def build(archive: Path, scratch: Path) -> None:
        vm_root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", *PACKAGES, cwd=scratch)
        for package in scratch.glob("*.deb"):
            vm_root.run("dpkg-deb", "-x", package, scratch / "tree")
        library = scratch / "tree/usr" / LIBRARY
        library.parent.mkdir(parents=True, exist_ok=True)
        (scratch / "tree" / LIBRARY).rename(library)
        vm_root.run("tar", "-C", scratch / "tree", "-cf", archive, *FILES, f"usr/{LIBRARY}")

    key = " ".join([f"{name}={vm_root.candidate(name)}" for name in PACKAGES] + FILES + [LIBRARY])
    return vm_root.cached("debian-grub-", "files", ".tar", key, build)


def install(root: Path, archive: Path) -> None:
    """As the installer leaves GRUB, but for the menu: the first update-grub writes that. `archive` holds `files`."""
    vm_root.run("tar", "-C", root, "-xf", archive)
    shutil.copy(HERE / "grub-probe", root / "usr/sbin")
    shutil.copy(root / "usr/share/grub/default/grub", root / "etc/default")
    (root / "boot/grub").mkdir()


def guest_root() -> Path:
    """An archive (tar) of the guests' root, with a menu whose default entry says what QEMU passes to the kernel."""
    base, grub = vm_root.base_root(), files()   # each holds the cache's lock

    def build(archive: Path, scratch: Path) -> None:
        root = scratch / "root"
        root.mkdir()
        vm_root.run("tar", "-C", root, "--numeric-owner", "-xpf", base)
        install(root, grub)
        with open(root / "etc/default/grub", "a", encoding="utf-8") as settings:
            settings.write('GRUB_CMDLINE_LINUX="intel_iommu=on"\n')
        (root / "etc/fstab").write_text(f"UUID={UUID} / ext4 defaults 0 1\n")
        vm_root.run("unshare", "--mount", "--propagation", "private", "sh", "-euc",
                    'mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"; exec chroot "$1" update-grub',
                    "sh", root, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})  # as Guest.chroot: GRUB asks for it
        vm_root.run("tar", "--numeric-owner", "-C", root, "-cf", archive, ".")

    key = " ".join([base.name, grub.name, Path(__file__).read_text(), (HERE / "grub-probe").read_text()])
    return vm_root.cached("guest-", "root", ".tar", key, build)
