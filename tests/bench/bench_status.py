#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""status on a machine with three kernels and zstd images, and switches that need no build, on ext4."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from bench import Contender, Report, helper, main, race
from bench_image import member

MACHINE = "z370-gt1030-no-param"
KERNELS = ["6.1.0-56-amd64", "6.1.0-56-amd64-nvidia", "6.12.117+deb12-amd64"]
IMAGE_SIZE = 60_000_000  # unpacked; a Debian image with MODULES=most has about as much
STATUS_LIMIT = 1.0
SWITCH_LIMIT = 0.25  # 0.1 until indices were checked whole (bench_plan.py) and the next entry was proved afterwards


def zstd_image(image: Path, root: Path, kernel: str, size: int) -> None:
    """An image of `kernel` without anything about the card: its indices, and ballast in place of modules."""
    modules = root / "usr/lib/modules" / kernel
    names = ["conf", "etc", "etc/modprobe.d", "scripts", "scripts/init-top", "usr", "usr/lib", "usr/lib/modules",
             str(modules.relative_to(root)), f"{modules.relative_to(root)}/kernel"]  # fmt: skip
    text = b"".join(member(name, directory=True) for name in names)
    text += member("scripts/functions") + member("scripts/init-top/udev") + member("conf/modules")
    for index in sorted(modules.glob("modules.*")):
        text += member(str(index.relative_to(root)), index.read_bytes())
    ballast = (bytes(range(251)) * 4001)[:1_000_000]
    for number in range(size // len(ballast)):
        text += member(f"{modules.relative_to(root)}/kernel/other{number}.ko", ballast)
    text += member("TRAILER!!!")
    subprocess.run(["zstd", "-q", "-3", "-f", "-o", str(image)], input=text, check=True)


def machine(where: Path, size: int = IMAGE_SIZE) -> helper.Sysroot:
    root = helper.Sysroot(where / "root", MACHINE, *(word for kernel in KERNELS for word in ("--kernel", kernel)))
    for kernel in KERNELS:
        zstd_image(root.path / f"boot/initrd.img-{kernel}", root.path, kernel, size)
    return root


def of_three_kernels(report: Report) -> None:
    helper.tool("zstd")
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        root = machine(Path(scratch))
        enabled = root.run("enable")
        status = root.run("status", "--json").json
        if enabled.status != 0 or [kernel["staged"] for kernel in status["kernels"]] != [True] * 3:
            raise RuntimeError(f"the machine is not staged: {enabled}{status['kernels']}")
        (cost,) = race(Contender([helper.VFIO_SWITCH, "--sysroot", str(root.path), "status"]), rounds=5)
    report.line(cost.seconds <= STATUS_LIMIT, f"status with three kernels, zstd images: {cost}, limit {STATUS_LIMIT} s")


def on_ext4() -> tempfile.TemporaryDirectory:
    """A directory on ext4, whose fsync is the machine's own; a test that has none is skipped."""
    for where in (None, str(helper.HERE), "/var/tmp"):
        scratch = tempfile.TemporaryDirectory(dir=where)
        kind = subprocess.run(["stat", "-f", "-c", "%T", scratch.name], capture_output=True, text=True, check=True)
        if kind.stdout.strip() == "ext2/ext3":  # stat's name for all three
            return scratch
        scratch.cleanup()
    raise unittest.SkipTest("no directory for scratch is on ext4")


def switch_without_build(report: Report) -> None:
    """The whole command: plan, lock, journal, files, fsync. What the images cost beside it is told apart."""
    helper.tool("zstd")
    with on_ext4() as scratch:
        costs = {}
        for size in (0, IMAGE_SIZE):
            root = machine(Path(scratch, str(size)), size)
            command = [helper.VFIO_SWITCH, "--sysroot", str(root.path)]
            command = ["/bin/sh", "-c", 'exec "$@" 2>/dev/null', "sh", *command]  # its progress is no result
            runs = [Contender([*command, verb]).run().seconds for _ in range(6) for verb in ("enable", "disable")]
            if "disabled" not in root.read(helper.VFIO_CONF).splitlines()[0]:
                raise RuntimeError("the switch did not switch")
            costs[size] = min(runs[2:]) * 1000
    report.line(costs[0] <= SWITCH_LIMIT * 1000,
                f"a switch without a build, three kernels: {costs[0]:.1f} ms, limit {SWITCH_LIMIT * 1000:.0f} ms; "
                f"with images of {IMAGE_SIZE / 1e6:.0f} MB, which are looked into, {costs[IMAGE_SIZE]:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main([of_three_kernels, switch_without_build]))
