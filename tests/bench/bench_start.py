#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every use costs: starting, memory, a kernel's package hook with nothing to do, and the size on disk.

Environment: VFIO_SWITCH_HOOK, and BUILD, the build directory to install from; tests/run sets them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import Contender, Cost, Report, helper, main, race

HOOK = os.environ.get("VFIO_SWITCH_HOOK", "")
BUILD = os.environ.get("BUILD", "")
MIB = 1 << 20


def limit(report: Report, what: str, value: float, most: float, unit: str) -> None:
    report.line(value < most, f"{what}: {value:.1f} {unit}, limit {most:g} {unit}")


def prepared(scratch: str) -> Path:
    """A desktop with two kernels whose images are built, and the card enabled."""
    kernels = [word for kernel in helper.KERNELS for word in ("--kernel", kernel)]
    root = helper.Sysroot(Path(scratch) / "root", helper.DESKTOP, *kernels)
    shutil.copy(helper.STAND_IN, root.path / "usr/sbin/update-initramfs")
    root.write("etc/stand-in-initramfs", "")
    done = root.run("enable", "--rebuild", prefix=helper.as_root())
    if done.status != 0:
        raise RuntimeError(str(done))
    return root.path


def start(report: Report) -> None:
    cost = race(Contender([helper.VFIO_SWITCH, "--version"]), rounds=40)[0]
    limit(report, "vfio-switch --version", cost.seconds * 1000, 10, "ms")


def status(report: Report) -> None:
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        root = prepared(scratch)
        cost: Cost = race(Contender([helper.VFIO_SWITCH, "--sysroot", str(root), "status"]), rounds=5)[0]
    # Both images are kept until all entries of the menu are proved, 2 MiB for each.
    limit(report, "peak memory of status, two kernels with images", cost.peak_kib / 1024, 18, "MiB")
    report.note(f"it takes {cost.seconds * 1000:.1f} ms")


def kernel_upgrade(report: Report) -> None:
    """The event that Debian's kernel packages end in, on a machine where all is as it should be."""
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        root = prepared(scratch)
        before = helper.snapshot(root, without=(), times=True)
        event = [HOOK, "--sysroot", str(root), "kernel-added", helper.KERNELS[0]]
        cost = race(Contender(event, helper.as_root()), rounds=20)[0]
        changed = helper.snapshot(root, without=(), times=True) != before
    report.line(not changed, "a kernel hook with nothing to change changes nothing")
    limit(report, "a kernel hook with nothing to change", cost.seconds * 1000, 80, "ms")  # 57 measured: the menu is read as well


def installed_size(report: Report) -> None:
    """What a package would hold: stripped as packages are, and hardened as Debian has it."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", scratch]
        subprocess.run(command, check=True, capture_output=True)
        files = [file for file in Path(scratch).rglob("*") if file.is_file() and not file.is_symlink()]
        for file in files:
            if os.access(file, os.X_OK) and file.read_bytes()[:4] == b"\x7fELF":
                subprocess.run([helper.tool("strip"), "--strip-unneeded", str(file)], check=True)
        # In blocks, as a disk holds them.
        size = sum(-(-file.stat().st_size // 4096) * 4096 for file in files)
    # Hardening is 0.2 of it; 1.1 the events that need a plan, and 0.4 the way out, which needs no library.
    limit(report, f"installed size, {len(files)} files", size / MIB, 5.5, "MiB")


if __name__ == "__main__":
    sys.exit(main([start, status, kernel_upgrade, installed_size]))
