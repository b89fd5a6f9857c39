# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's GRUB in a root that starts from no disk: its own scripts write the boot menu of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "vm"))
import root as vm_root  # noqa: E402  (its directory is known only now)

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


def install(root: Path) -> None:
    """As the installer leaves GRUB, but for the menu: the first update-grub writes that."""
    vm_root.run("tar", "-C", root, "-xf", files())
    shutil.copy(HERE / "grub-probe", root / "usr/sbin")
    shutil.copy(root / "usr/share/grub/default/grub", root / "etc/default")
    (root / "boot/grub").mkdir()
